import type { ChainId, DiffId, Digest } from "../../digest/mod.ts";
import type { VarveError } from "../../errors.ts";
import { guarded } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type {
  Directories,
  EnsureOptions,
  LostSnapshot,
  RemoveSnapshotOptions,
  SnapshotFacts,
  TreeFile,
} from "../disk_directories.ts";
import { notFound } from "../rules.ts";
import { layerRow } from "./content.ts";
import { allocateCacheIds } from "./cache_ids.ts";
import { checkWritable, type Disk, shareStoreLock, takeLock } from "./context.ts";
import { hasSize, layerDamage, noteDamage } from "./damage.ts";
import type { ChainRow, LayerRow } from "./database/records.ts";
import { generationIn, raiseGeneration } from "./derived/generation.ts";
import { directoryLock } from "./ingest_names.ts";
import { writeSyncedMarker } from "./markers/marker.ts";
import { GENERATION, LAYER_FILES, MARKER } from "./names.ts";
import { adoptLost, listLost } from "./recovery/adopt.ts";
import {
  createSnapshot,
  finishSnapshot,
  removeSnapshot,
} from "./snapshots/snapshot_directories.ts";
import { Removals } from "./snapshots/removals.ts";
import { changeSnapshot } from "./snapshots/snapshot_marker.ts";
import { lstatOrNothing, makeDirectory, removeAll } from "./system.ts";
import { discard } from "./trash.ts";

/** The names that a driver may give a directory, except for the store's own names. */
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const OWN_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(LAYER_FILES),
  MARKER,
  GENERATION,
]);

/** The layer or chain that a directory belongs to. */
type DirectoryOwner = { readonly diffId: DiffId } | { readonly chainId: ChainId };

/** The directories of a disk store; see {@linkcode Directories}. */
export class DiskDirectories implements Directories {
  readonly mounts: string;
  readonly #disk: Disk;
  readonly #removals: Removals;
  readonly #prepareTree: (row: LayerRow, pool: Pool) => Promise<void>;

  /** Works on an open store. `prepareTree` derives the tree of a layer again if it has another version. */
  constructor(disk: Disk, prepareTree: (row: LayerRow, pool: Pool) => Promise<void>) {
    this.#disk = disk;
    this.#prepareTree = prepareTree;
    this.mounts = disk.paths.mounts;
    this.#removals = new Removals(disk.paths);
  }

  layer(diffId: DiffId): string {
    return this.#home(diffId).directory;
  }

  layerTar(diffId: DiffId): string {
    const { row, directory } = this.#home(diffId);
    return this.#file(row, `${directory}/${LAYER_FILES.tar}`, row.size);
  }

  layerTree(diffId: DiffId): TreeFile {
    const { row, directory } = this.#home(diffId);
    const path = this.#file(row, `${directory}/${LAYER_FILES.tree}`, row.tree_size);
    return { diffId, path, sum: row.tree_sum as Digest | null };
  }

  async prepareTrees(diffIds: readonly DiffId[], pool: Pool): Promise<void> {
    for (const diffId of new Set(diffIds)) {
      await this.#prepareTree(this.#home(diffId).row, pool);
      this.layerTree(diffId);
    }
  }

  treeDamage(diffId: DiffId): VarveError {
    return layerDamage(this.#disk, diffId, "its tree is damaged");
  }

  noteDamage(diffId: DiffId): void {
    noteDamage(this.#disk, diffId);
  }

  generation(diffIds: readonly DiffId[], chainId?: ChainId): number {
    const homes = [...new Set(diffIds)].map((diffId) => this.layer(diffId));
    const chain = chainId === undefined ? undefined : this.#chainHome(chainId);
    if (chain !== undefined) homes.push(chain);
    return homes.reduce((sum, home) => sum + generationIn(home), 0);
  }

  async outdate(owner: DirectoryOwner): Promise<void> {
    const home = "diffId" in owner ? this.layer(owner.diffId) : this.#chainHome(owner.chainId);
    if (home === undefined) return;
    checkWritable(this.#disk, "make derived files again");
    await guarded("make derived files again", async () => {
      await raiseGeneration(this.#disk, home);
      await this.#disk.syncer.each([home]);
    });
  }

  async ensure(
    owner: DirectoryOwner,
    name: string,
    make: (temporary: string) => Promise<void>,
    options: EnsureOptions = {},
  ): Promise<string> {
    const { isWhole = () => true } = options;
    if (!NAME.test(name) || OWN_NAMES.has(name)) {
      throw new RangeError(
        `Cannot make directory ${JSON.stringify(name)}: not a name that a driver may give`,
      );
    }
    options.signal?.throwIfAborted();
    const there = await this.#find(owner, name);
    if (there !== undefined && isWhole(there)) return await this.#used(there);
    checkWritable(this.#disk, "make a directory");
    const id = "diffId" in owner ? owner.diffId : owner.chainId;
    const action = `make directory ${name} of ${id}`;
    // Make the lock of the store's `Owner` before the lock of the directory. After a crash, the
    // owner's lock tells a later start to clean up.
    const temporary = await guarded(action, () => this.#disk.owner.fresh());
    const lock = await guarded(
      action,
      () => {
        const what = `makes directory ${name} of ${id}`;
        const { signal } = options;
        return takeLock(this.#disk, directoryLock(this.#disk.paths, id, name), { signal, what });
      },
    );
    try {
      const made = await this.#find(owner, name);
      if (made !== undefined && isWhole(made)) return await this.#used(made);
      await guarded(action, async () => {
        if (made !== undefined) await discard(this.#disk, made);
        await makeDirectory(temporary);
        await makeDirectory(`${temporary}/${name}`);
      });
      await make(`${temporary}/${name}`);
      options.signal?.throwIfAborted();
      return await guarded(action, async () => {
        await this.#disk.syncer.tree(`${temporary}/${name}`);
        this.#disk.caches.areNew = true;
        return await this.#used(await this.#place(owner, name, temporary));
      });
    } finally {
      await this.#disk.owner.tidy(() => removeAll(temporary));
      await this.#disk.owner.tidy(() => lock.remove());
    }
  }

  createSnapshot(
    facts: SnapshotFacts,
  ): Promise<{ readonly cacheId: number; readonly path: string }> {
    return createSnapshot(this.#disk, facts);
  }

  finishSnapshot<T>(cacheId: number, change: () => T): Promise<T> {
    return finishSnapshot(this.#disk, checkId("snapshot", cacheId), change);
  }

  changeSnapshot<T>(cacheId: number, next: () => SnapshotFacts, change: () => T): Promise<T> {
    return changeSnapshot(this.#disk, checkId("snapshot", cacheId), next, change);
  }

  chain(cacheId: number): string {
    return this.#disk.paths.chain(checkId("chain", cacheId));
  }

  snapshot(cacheId: number): string {
    return this.#disk.paths.snapshot(checkId("snapshot", cacheId));
  }

  async removeSnapshot<T>(
    cacheId: number,
    change?: () => T,
    { later = false }: RemoveSnapshotOptions = {},
  ): Promise<T | undefined> {
    const id = checkId("snapshot", cacheId);
    const removals = later ? this.#removals : undefined;
    return await removeSnapshot(this.#disk, id, () => change?.(), removals);
  }

  removed(): Promise<void> {
    return this.#removals.done();
  }

  lost(): Promise<LostSnapshot[]> {
    return listLost(this.#disk);
  }

  adopt<T>(name: string, facts: SnapshotFacts, change: (cacheId: number) => T): Promise<T> {
    return adoptLost(this.#disk, name, facts, change);
  }

  async scratch(): Promise<string> {
    checkWritable(this.#disk, "make a directory");
    return await guarded("make a scratch directory", async () => {
      const path = await this.#disk.owner.fresh();
      await makeDirectory(path);
      return path;
    });
  }

  #home(diffId: DiffId): { readonly row: LayerRow; readonly directory: string } {
    const row = layerRow(this.#disk, diffId);
    if (row === undefined) throw notFound("layer", diffId);
    return { row, directory: this.#disk.paths.layer(row.cache_id) };
  }

  #file(row: LayerRow, path: string, size: number): string {
    if (hasSize(path, size)) return path;
    throw layerDamage(this.#disk, row.diff_id as DiffId, `${path} is missing or truncated`);
  }

  /** Notes the time of a use, by which gc chooses what to remove first: the mtime of the marker. */
  async #used(directory: string): Promise<string> {
    const marker = `${directory.slice(0, directory.lastIndexOf("/"))}/${MARKER}`;
    if (this.#disk.readOnly) return directory;
    const now = Date.now() / 1000;
    // If this fails, the directory only counts as older than it is.
    await Deno.utime(marker, now, now).catch(() => {});
    return directory;
  }

  async #find(owner: DirectoryOwner, name: string): Promise<string | undefined> {
    const home = "diffId" in owner ? this.layer(owner.diffId) : this.#chainHome(owner.chainId);
    if (home === undefined) return undefined;
    const info = await guarded(`look for ${name}`, () => lstatOrNothing(`${home}/${name}`));
    return info?.isDirectory ? `${home}/${name}` : undefined;
  }

  #chainHome(chainId: ChainId): string | undefined {
    const { cache_id } = this.#chain(chainId);
    return cache_id === null ? undefined : this.#disk.paths.chain(cache_id);
  }

  #chain(chainId: ChainId): ChainRow {
    const row = this.#disk.db.get<ChainRow>("SELECT * FROM chain WHERE chain_id = ?", chainId);
    if (row === undefined) throw notFound("chain", chainId);
    return row;
  }

  async #place(owner: DirectoryOwner, name: string, temporary: string): Promise<string> {
    const { paths, syncer, db } = this.#disk;
    // Hold the lock while the chain's directory has its final name, but its cache id is not in the
    // row yet. Otherwise a sweep, which takes the lock exclusively, would remove the directory.
    using _ = await shareStoreLock(this.#disk);
    if ("diffId" in owner) return await this.#moveInto(this.layer(owner.diffId), name, temporary);
    // Read the row once: what is looked for here and what is replaced below must be the same directory.
    const { chain_id, diff_id, parent_chain_id, cache_id: lost } = this.#chain(owner.chainId);
    // A user may have removed a chain's directory by hand. Then make it again, under a new cache
    // id.
    if (lost !== null && await lstatOrNothing(paths.chain(lost)) !== undefined) {
      return await this.#moveInto(paths.chain(lost), name, temporary);
    }
    const id = await allocateCacheIds(this.#disk, 1);
    const home = paths.chain(id);
    await writeSyncedMarker(temporary, {
      id,
      kind: "chain",
      chainID: chain_id,
      diffID: diff_id,
      parent: parent_chain_id,
    }, syncer);
    let first: number | null;
    await Deno.rename(temporary, home);
    try {
      await syncer.each([paths.chains]);
      // Each directory of a chain has its own lock. So the maker of another directory of this chain
      // may have set the cache id first.
      first = db.transact(() => {
        db.run(
          "UPDATE chain SET cache_id = ? WHERE chain_id = ? AND cache_id IS ?",
          id,
          chain_id,
          lost,
        );
        return this.#chain(chain_id as ChainId).cache_id;
      });
    } catch (error) {
      await this.#disk.owner.tidy(async () => {
        if (this.#chain(chain_id as ChainId).cache_id !== id) await discard(this.#disk, home);
      });
      throw error;
    }
    if (first !== id && first !== null) {
      const moved = await this.#moveInto(paths.chain(first), name, home);
      await discard(this.#disk, home);
      return moved;
    }
    return `${home}/${name}`;
  }

  /** Moves a directory with this name from `from` into `home`. */
  async #moveInto(home: string, name: string, from: string): Promise<string> {
    await Deno.rename(`${from}/${name}`, `${home}/${name}`);
    await this.#disk.syncer.each([home]);
    return `${home}/${name}`;
  }
}

function checkId(what: string, cacheId: number): number {
  if (Number.isSafeInteger(cacheId) && cacheId > 0) return cacheId;
  throw new RangeError(`Cannot find ${what} ${cacheId}: not a cache id`);
}
