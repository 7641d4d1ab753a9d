import { requestTrim, trimOrRequest } from "../compose/internal.ts";
import type { ChainId, DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import type { Mount } from "../linux/mod.ts";
import type {
  Directories,
  DiskStore,
  SnapshotRow,
  Snapshots,
  SnapshotScope,
  SnapshotTable,
} from "../store/mod.ts";
import type {
  Ancestor,
  CommitOptions,
  Driver,
  DriverName,
  PrepareOptions,
  SnapshotInfo,
  Snapshotter,
  Usage,
} from "./contract.ts";
import { boundCaches } from "./bound_caches.ts";
import {
  appliedOverFiles,
  belowOf,
  filledUnseen,
  hasFiles,
  refuseWhole,
} from "./extract_snapshot.ts";
import { ignoreMissing } from "./ignore_missing.ts";
import * as machine from "./machine.ts";
import { holdLowers, isReleased, trimShared } from "./lowers.ts";
import { makeSnapshot } from "./make_snapshot.ts";
import { refuseLeased } from "./mount_leases.ts";
import { listSnapshots } from "./list_snapshots.ts";
import { lockSnapshotDirectory } from "./snapshot_lock.ts";
import { setBelowShown, setReleased } from "./snapshot_state.ts";

/** Options of a {@linkcode StoreSnapshotter}; see `SnapshotterOptions`. */
export interface StoreSnapshotterOptions {
  readonly scope: SnapshotScope;
  readonly now: () => number;
  readonly later: boolean;
  readonly onCommitted: ((committed: SnapshotInfo) => void) | undefined;
}

/** A snapshotter over the rows and directories of a store. */
export class StoreSnapshotter implements Snapshotter {
  readonly #store: DiskStore;
  readonly #directories: Directories;
  readonly #driverOf: () => Driver;
  readonly #snapshots: Snapshots;
  readonly #now: () => number;
  readonly #later: boolean;
  readonly #onCommitted: ((committed: SnapshotInfo) => void) | undefined;
  /** Measurements of usage that go on. */
  readonly #measuring = new Set<Promise<void>>();

  /** Makes nothing yet. */
  constructor(store: DiskStore, driverOf: () => Driver, options: StoreSnapshotterOptions) {
    this.#store = store;
    this.#snapshots = store.snapshots.in(options.scope);
    this.#directories = store.directories;
    this.#driverOf = driverOf;
    this.#now = options.now;
    this.#later = options.later;
    this.#onCommitted = options.onCommitted;
  }

  get driver(): DriverName {
    return this.#driver.name;
  }

  get #driver(): Driver {
    return this.#driverOf();
  }

  get scope(): SnapshotScope {
    return this.#snapshots.scope;
  }

  prepare(key: string, parent: string | null, options: PrepareOptions = {}): Promise<Mount[]> {
    return this.#create("active", key, parent, options);
  }

  view(key: string, parent: string | null, options: PrepareOptions = {}): Promise<Mount[]> {
    return this.#create("view", key, parent, options);
  }

  async #create(
    kind: "active" | "view",
    key: string,
    parent: string | null,
    options: PrepareOptions,
  ): Promise<Mount[]> {
    const parts = {
      store: this.#store,
      snapshots: this.#snapshots,
      driver: this.#driver,
      now: this.#now(),
    };
    return await makeSnapshot(parts, { ...options, kind, key, parent });
  }

  async mounts(
    key: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Mount[]> {
    options.signal?.throwIfAborted();
    let found: Mount[];
    {
      // If the snapshot was released, only this says that its lowers are needed, until its row says so again.
      using _ = await holdLowers(this.#store, options.signal);
      found = await this.#mountsHeld(key, options.signal);
    }
    await boundCaches(this.#store, options.signal);
    return found;
  }

  async #mountsHeld(key: string, signal: AbortSignal | undefined): Promise<Mount[]> {
    const { row, ancestors } = this.#snapshots.read((table) => {
      const row = machine.mountable(table, key);
      return { row, ancestors: machine.ancestors(table, row.parent) };
    });
    if (!isReleased(row)) return await this.#makeMounts(row, ancestors, signal);
    this.#snapshots.transact((table) => setReleased(table, key, false));
    try {
      return await this.#makeMounts(row, ancestors, signal);
    } catch (error) {
      // Otherwise its lowers would stay mounted.
      await ignoreMissing(() => this.release(key));
      throw error;
    }
  }

  async #makeMounts(
    row: machine.MountableRow,
    ancestors: readonly Ancestor[],
    signal: AbortSignal | undefined,
  ): Promise<Mount[]> {
    const { key, kind, cacheId } = row;
    const below = belowOf(row);
    if (below === undefined || cacheId === null) {
      return await this.#driver.mounts({ kind, cacheId, ancestors, signal });
    }
    await this.#driver.showBelow({ kind, cacheId, ancestors, signal }, below === "hidden");
    if (below === "hidden") await this.#change(row, (table) => setBelowShown(table, key));
    return this.#driver.extractMounts(cacheId);
  }

  async givenMounts(
    key: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Mount[]> {
    const row = this.#snapshots.read((table) => machine.mountable(table, key));
    return belowOf(row) === undefined || row.cacheId === null
      ? await this.mounts(key, options)
      : this.#driver.extractMounts(row.cacheId);
  }

  release(key: string): void {
    const { kind, cacheId } = this.stat(key);
    try {
      // A process that mounts or runs the snapshot holds this lock until its lease is live.
      using _ = kind === "active" && cacheId !== null
        ? lockSnapshotDirectory(this.#store, key, cacheId)
        : null;
      this.#refuseLeased(key);
      // Before the row: if this process is killed after it, the next mount or unmount trims.
      requestTrim(this.#directories.mounts);
      this.#snapshots.transact((table) => setReleased(table, key, true));
    } catch (error) {
      if (error instanceof VarveError && error.code === "E_BUSY") return;
      throw error;
    }
    trimOrRequest(this.#directories.mounts, () => trimShared(this.#store));
  }

  async commit(name: string, key: string, options: CommitOptions = {}): Promise<void> {
    const { labels = {}, parent } = options;
    const request = { name, key, labels, parent, now: this.#now() };
    const { row, before } = this.#snapshots.read((table) => ({
      row: machine.checkCommit(table, request),
      before: machine.stat(table, key),
    }));
    await refuseWhole(this.#store, row, before.parent);
    await this.#prepareCommit(row, request);
    if (row.diffId === null && this.#store.durability === "full" && row.cacheId !== null) {
      // Sync the data before the metadata: after a power loss, no row may exist without its files.
      await this.#driver.sync(row.cacheId);
    }
    const committed = await this.#commit(row, request);
    if (this.#later && committed.usage === null) this.#measureLater(name);
    this.#onCommitted?.(committed);
  }

  /** Ends what only an extract snapshot has. */
  async #prepareCommit(row: SnapshotRow, { key }: machine.CommitRequest): Promise<void> {
    const below = belowOf(row);
    if (below === undefined || row.cacheId === null) return;
    if (below === "hidden" && row.diffId === null) {
      if (await hasFiles(this.#store, row.cacheId)) throw filledUnseen(key);
      // Its root gets the attributes of the root below.
      await this.mounts(key);
    }
    this.#driver.hideBelow(row.cacheId);
  }

  async #commit(before: SnapshotRow, request: machine.CommitRequest): Promise<SnapshotRow> {
    const { diffId } = before;
    const usage = diffId === null ? undefined : this.#usageOf(diffId);
    return await this.#change(before, (table) => {
      const row = machine.commit(table, { ...request, usage });
      if (row.diffId !== diffId) throw wasReplaced(request.key);
      return row;
    });
  }

  async warm(
    name: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const ancestors = this.#snapshots.read((table) => {
      machine.stat(table, name);
      return machine.ancestors(table, name);
    });
    await this.#driver.warm(ancestors, signal);
    // Else the first snapshot on it would do this.
    await boundCaches(this.#store, signal);
  }

  /** Measures a committed snapshot while other calls go on. */
  #measureLater(name: string): void {
    // What cannot be measured now is measured when somebody asks.
    const measuring: Promise<void> = this.usage(name).then(() => {}, () => {})
      .finally(() => this.#measuring.delete(measuring));
    this.#measuring.add(measuring);
  }

  async cleanup(): Promise<void> {
    await Promise.all([...this.#measuring, this.#directories.removed()]);
  }

  async applied(key: string, diffId: DiffId): Promise<SnapshotInfo> {
    const before = this.stat(key);
    const { cacheId } = before;
    const isOther = before.kind !== "active" || before.diffId === diffId;
    if (!isOther && cacheId !== null && await hasFiles(this.#store, cacheId)) {
      throw appliedOverFiles(key);
    }
    return await this.#change(before, (table) => {
      const row = machine.applied(table, key, diffId);
      if (this.#store.layers.get(diffId)?.diffId === diffId) return row;
      throw new VarveError(
        "E_NOT_FOUND",
        `Cannot apply layer ${diffId}: it is not in the store`,
        { subject: diffId },
      );
    });
  }

  /** Changes the row of a snapshot. Its marker says the same before. */
  async #change(
    { cacheId }: SnapshotRow,
    fn: (table: SnapshotTable) => SnapshotRow,
  ): Promise<SnapshotRow> {
    const snapshots = this.#snapshots;
    const change = () => snapshots.transact(fn);
    if (cacheId === null) return change();
    const next = () => {
      const row = snapshots.read((table) => fn({ ...table, put: () => {}, delete: () => {} }));
      if (row.cacheId === cacheId) return { ...row, use: row.kind };
      throw wasReplaced(row.key);
    };
    return await this.#directories.changeSnapshot(cacheId, next, change);
  }

  async remove(key: string): Promise<void> {
    const row = this.stat(key);
    const { kind, cacheId, parent } = row;
    // A process that mounts or runs the snapshot holds this lock until its lease is live.
    using _ = kind === "active" && cacheId !== null
      ? lockSnapshotDirectory(this.#store, key, cacheId)
      : null;
    this.#refuseLeased(key);
    this.#snapshots.read((table) => machine.checkRemove(table, key));
    // Usually other snapshots need the same lowers. If they are removed at the same time, the last one trims.
    const mayTrim = kind !== "committed" &&
      this.#snapshots.read((table) => table.countUsed(parent, 2)) < 2;
    if (mayTrim) requestTrim(this.#directories.mounts);
    if (cacheId !== null && belowOf(row) === "shown") this.#driver.hideBelow(cacheId);
    let isLast = mayTrim;
    const removeRow = () => {
      isLast = this.#snapshots.transact((table) => {
        if (machine.remove(table, key).cacheId !== cacheId) throw wasReplaced(key);
        return kind !== "committed" && table.countUsed(parent, 1) === 0;
      });
    };
    if (cacheId === null) removeRow();
    else await this.#directories.removeSnapshot(cacheId, removeRow, { later: this.#later });
    if (mayTrim || isLast) trimOrRequest(this.#directories.mounts, () => trimShared(this.#store));
  }

  /** Leases of mounts and runs are only for snapshots of the user's own. */
  #refuseLeased(key: string): void {
    if (this.scope === "") refuseLeased(this.#store, key);
  }

  stat(key: string): SnapshotInfo {
    return this.#snapshots.read((table) => machine.stat(table, key));
  }

  async update(
    key: string,
    labels: Readonly<Record<string, string>>,
    fieldpaths: readonly string[] = [],
  ): Promise<SnapshotInfo> {
    const now = this.#now();
    return await this.#change(
      this.stat(key),
      (table) => machine.update(table, key, labels, fieldpaths, now),
    );
  }

  walk(filters: readonly string[] = []): SnapshotInfo[] {
    return listSnapshots(this.#snapshots, filters);
  }

  async usage(key: string): Promise<Usage> {
    const row = this.stat(key);
    if (row.usage !== null) return row.usage;
    if (row.kind === "view" || row.cacheId === null) return { size: 0, inodes: 0 };
    const usage = row.kind === "committed" && row.diffId !== null
      ? this.#usageOf(row.diffId)
      : await this.#driver.usage(row.cacheId);
    if (row.kind === "committed") this.#keepUsage(row, usage);
    return usage;
  }

  #keepUsage({ key, cacheId }: SnapshotRow, usage: Usage): void {
    this.#snapshots.transact((table) => {
      const row = table.get(key);
      if (row?.kind === "committed" && row.cacheId === cacheId) table.put({ ...row, usage });
    });
  }

  ensureChain(chainId: ChainId): string {
    const diffIds = this.#store.chains.diffIds(chainId);
    const names = chainIds(diffIds);
    const rows = diffIds.map((diffId, i) => ({
      name: names[i] as ChainId,
      parent: names[i - 1] ?? null,
      diffId,
      usage: this.#usageOf(diffId),
      now: this.#now(),
    }));
    this.#snapshots.transact((table) => {
      for (const row of rows) machine.createLayer(table, row);
    });
    return chainId;
  }

  #usageOf(diffId: DiffId): Usage {
    const layer = this.#store.layers.get(diffId);
    if (layer !== undefined) return { size: layer.size, inodes: layer.entries };
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot make snapshots of a chain: layer ${diffId} is not in the store`,
      { subject: diffId },
    );
  }
}

function wasReplaced(key: string): VarveError {
  return new VarveError(
    "E_BUSY",
    `Cannot change snapshot ${JSON.stringify(key)}: it was replaced meanwhile`,
    { subject: key, hint: "run the command again" },
  );
}
