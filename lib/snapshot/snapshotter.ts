import { lockLowers, requestTrim, trimIfRequested, trimOrRequest } from "../compose/internal.ts";
import type { ChainId, DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import type { Mount } from "../linux/mod.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
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
import { keptLabels } from "./keys.ts";
import * as machine from "./machine.ts";
import { isReleased, neededAncestors } from "./lowers.ts";
import { refuseLeased } from "./mount_leases.ts";
import { listSnapshots } from "./list_snapshots.ts";
import { lockSnapshotDirectory } from "./snapshot_lock.ts";

/** A snapshotter over the rows and directories of a store. */
export class StoreSnapshotter implements Snapshotter {
  readonly #store: DiskStore;
  readonly #directories: Directories;
  readonly #driver: Driver;
  readonly #snapshots: Snapshots;
  readonly #now: () => number;

  /** Makes nothing yet. `now` is the clock, in microseconds since the epoch. */
  constructor(store: DiskStore, driver: Driver, scope: SnapshotScope, now: () => number) {
    this.#store = store;
    this.#snapshots = store.snapshots.in(scope);
    this.#directories = store.directories;
    this.#driver = driver;
    this.#now = now;
  }

  get driver(): DriverName {
    return this.#driver.name;
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
    options.signal?.throwIfAborted();
    const { mounts } = this.#directories;
    try {
      // Until the row is written, only this lock says that the lowers are needed.
      using _ = await lockLowers(mounts, options.signal);
      return await this.#createHeld(kind, key, parent, options);
    } finally {
      trimIfRequested(mounts, () => this.#trim());
    }
  }

  /** Makes the directory first and the row last, because no other process uses a directory without a row. */
  async #createHeld(
    kind: "active" | "view",
    key: string,
    parent: string | null,
    { signal, labels = {} }: PrepareOptions,
  ): Promise<Mount[]> {
    const ancestors = this.#snapshots.read((table) =>
      machine.checkCreate(table, key, parent, labels)
    );
    const now = this.#now();
    const facts = {
      scope: this.scope,
      key,
      use: kind,
      parent,
      diffId: null,
      labels: keptLabels(labels),
      createdAt: now,
      updatedAt: now,
    };
    const cacheId = kind === "active" || parent === null
      ? (await this.#directories.createSnapshot(facts)).cacheId
      : null;
    try {
      const mounts = await this.#driver.create({ kind, cacheId, ancestors, signal });
      signal?.throwIfAborted();
      const putRow = () =>
        this.#snapshots.transact((table) => {
          if (!sameAncestors(ancestors, machine.checkCreate(table, key, parent, labels))) {
            throw new VarveError(
              "E_BUSY",
              `Cannot make snapshot ${JSON.stringify(key)}: its parent was replaced meanwhile`,
              { subject: key },
            );
          }
          this.#checkLayers(key, ancestors);
          machine.create(table, { key, kind, parent, cacheId, labels, now });
        });
      if (cacheId === null) putRow();
      else await this.#directories.finishSnapshot(cacheId, putRow);
      return mounts;
    } catch (error) {
      if (cacheId !== null) await this.#discard(cacheId);
      requestTrim(this.#directories.mounts);
      throw error;
    }
  }

  /**
   * Looks for the layers again, in the transaction that makes the snapshot a root of gc.
   *
   * @throws {VarveError} `E_BUSY` one was removed since it was found
   */
  #checkLayers(key: string, ancestors: readonly Ancestor[]): void {
    for (const ancestor of ancestors) {
      if (ancestor.kind !== "layer") continue;
      if (this.#store.layers.get(ancestor.diffId) !== undefined) continue;
      throw new VarveError(
        "E_BUSY",
        `Cannot make snapshot ${
          JSON.stringify(key)
        }: layer ${ancestor.diffId} was removed meanwhile`,
        { subject: key, hint: "run the command again" },
      );
    }
  }

  /**
   * Removes the directory of a snapshot that was not made. If that fails, the store removes the
   * orphan later.
   */
  async #discard(cacheId: number): Promise<void> {
    try {
      await this.#directories.removeSnapshot(cacheId);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
    }
  }

  async mounts(
    key: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Mount[]> {
    options.signal?.throwIfAborted();
    const { mounts } = this.#directories;
    try {
      // If the snapshot was released, only this lock says that its lowers are needed, until its row says so again.
      using _ = await lockLowers(mounts, options.signal);
      return await this.#mountsHeld(key, options.signal);
    } finally {
      trimIfRequested(mounts, () => this.#trim());
    }
  }

  async #mountsHeld(key: string, signal: AbortSignal | undefined): Promise<Mount[]> {
    const { row, ancestors } = this.#snapshots.read((table) => {
      const row = machine.stat(table, key);
      return { row, ancestors: machine.ancestors(table, row.parent) };
    });
    const { kind, cacheId } = row;
    if (kind === "committed") {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot mount snapshot ${JSON.stringify(key)}: it is committed; make a view of it`,
        { subject: key },
      );
    }
    if (isReleased(row)) {
      this.#snapshots.transact((table) => machine.setReleased(table, key, false));
    }
    return await this.#driver.mounts({ kind, cacheId, ancestors, signal });
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
      this.#snapshots.transact((table) => machine.setReleased(table, key, true));
    } catch (error) {
      if (error instanceof VarveError && error.code === "E_BUSY") return;
      throw error;
    }
    trimOrRequest(this.#directories.mounts, () => this.#trim());
  }

  async commit(name: string, key: string, options: CommitOptions = {}): Promise<void> {
    const { labels = {}, parent } = options;
    const request = { name, key, labels, parent, now: this.#now() };
    const row = this.#snapshots.read((table) => machine.checkCommit(table, request));
    if (this.#store.durability === "full" && row.cacheId !== null) {
      // Sync the data before the metadata: after a power loss, no row may exist without its files.
      await this.#driver.sync(row.cacheId);
    }
    if (row.diffId === null || row.cacheId === null) {
      await this.#change(row, (table) => machine.commit(table, request));
      return;
    }
    await this.#directories.removeSnapshot(row.cacheId, () =>
      this.#snapshots.transact((table) => {
        const now = machine.checkCommit(table, request);
        if (now.cacheId !== row.cacheId || now.diffId !== row.diffId) throw wasReplaced(key);
        machine.commit(table, request);
      }));
  }

  async applied(key: string, diffId: DiffId): Promise<SnapshotInfo> {
    const before = this.stat(key);
    const { cacheId } = before;
    if (cacheId !== null) await this.#refuseFiles(key, cacheId);
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

  /** @throws {VarveError} `E_PRECONDITION` the directory of a snapshot has files */
  async #refuseFiles(key: string, cacheId: number): Promise<void> {
    const files = `${this.#directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
    for await (const _ of Deno.readDir(files)) {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot apply a layer to snapshot ${JSON.stringify(key)}: it has files already`,
        { subject: key },
      );
    }
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
    const { kind, cacheId } = this.stat(key);
    // A process that mounts or runs the snapshot holds this lock until its lease is live.
    using _ = kind === "active" && cacheId !== null
      ? lockSnapshotDirectory(this.#store, key, cacheId)
      : null;
    this.#refuseLeased(key);
    requestTrim(this.#directories.mounts);
    const removeRow = () =>
      this.#snapshots.transact((table) => {
        if (machine.remove(table, key).cacheId !== cacheId) throw wasReplaced(key);
      });
    if (cacheId === null) removeRow();
    else await this.#directories.removeSnapshot(cacheId, removeRow);
    trimOrRequest(this.#directories.mounts, () => this.#trim());
  }

  /** Leases of mounts and runs are only for snapshots of the user's own. */
  #refuseLeased(key: string): void {
    if (this.scope === "") refuseLeased(this.#store, key);
  }

  /** Unmounts the lowers that no snapshot needs any more. */
  #trim(): void {
    this.#driver.trim(() => neededAncestors(this.#store));
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
    const usage = await this.#driver.usage(row.cacheId);
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

function sameAncestors(a: readonly Ancestor[], b: readonly Ancestor[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
