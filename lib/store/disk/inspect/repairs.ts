/**
 * The writes of a repair. Each is one step, in the order of every change in a store: files and marker first, then the
 * row; when something is removed, the row first. A process that dies between two of them leaves the store as damaged as
 * it was, or a little less.
 */
import type { ChainId, DiffId, Digest } from "../../../digest/mod.ts";
import { guarded } from "../../../linux/mod.ts";
import type { DiskStore } from "../../disk_store.ts";
import { blobRow, layerRow } from "../content.ts";
import { checkWritable, type Disk, shareStoreLock, takeLock } from "../context.ts";
import { noteDamage } from "../damage.ts";
import type { ChainRow } from "../database/records.ts";
import { directoryLock, layerLock, markerLock } from "../ingest_names.ts";
import { writeIndex } from "../layout_index.ts";
import { FileLock } from "../lock.ts";
import { committedMarker } from "../markers/layer_marker.ts";
import { writeMarker } from "../markers/marker.ts";
import type { Marker, SnapshotMarker } from "../markers/marker_format.ts";
import { hasFiles, keepLost } from "../recovery/lost.ts";
import { isOlder } from "../recovery/older.ts";
import { settleMarker } from "../snapshots/snapshot_marker.ts";
import { LAYER_FILES, MARKER, SNAPSHOT_FILES } from "../names.ts";
import type { DiskPlan } from "../staged.ts";
import { diskOf } from "../store.ts";
import { insertSnapshot } from "../database/snapshot_rows.ts";
import { insertLayer, markedSnapshot } from "./insert_rows.ts";
import { microseconds } from "../../microseconds.ts";
import { lstatOrNothing, makeDirectory } from "../system.ts";
import { discard } from "../trash.ts";

/** A plan that brings nothing. */
const NOTHING: DiskPlan = {
  layers: [],
  blobs: [],
  plain: new Set(),
  images: [],
  chains: [],
  asked: new Set(),
};

/** Refuses a repair of a store that can only be read. @throws {VarveError} `E_SYSCALL` */
export function checkRepairable(store: DiskStore): void {
  checkWritable(diskOf(store), "repair the store");
}

/** Notes that the bytes of a blob or of a layer are wrong, so that the next ingest brings them again. */
export function noteDamaged(store: DiskStore, digest: Digest): void {
  noteDamage(diskOf(store), digest);
}

/** Takes back the note that the bytes of a blob or of a layer are wrong. The caller has proved them. */
export function noteSound(store: DiskStore, table: "blob" | "layer", digest: Digest): void {
  const key = table === "blob" ? "digest" : "diff_id";
  diskOf(store).db.run(`UPDATE ${table} SET verified_at = ? WHERE ${key} = ?`, Date.now(), digest);
}

/**
 * Removes a directory that a driver derived from a layer or a chain. The next use makes it again.
 *
 * @param name its name in the directory of the layer or chain
 */
export async function discardDerived(
  store: DiskStore,
  owner: { readonly diffId: DiffId } | { readonly chainId: ChainId },
  name: string,
): Promise<void> {
  const disk = diskOf(store);
  const id = "diffId" in owner ? owner.diffId : owner.chainId;
  const home = homeOf(store, owner);
  await guarded(`remove ${name} of ${id}`, async () => {
    await disk.owner.fresh();
    const lock = await takeLock(disk, directoryLock(disk.paths, id, name), {
      what: `makes ${name} of ${id}`,
    });
    try {
      await discard(disk, `${home}/${name}`);
    } finally {
      await disk.owner.tidy(() => lock.remove());
    }
  });
}

function homeOf(
  store: DiskStore,
  owner: { readonly diffId: DiffId } | { readonly chainId: ChainId },
): string {
  return "diffId" in owner
    ? store.directories.layer(owner.diffId)
    : store.directories.chain(store.chains.get(owner.chainId)?.cacheId ?? 0);
}

/** Lets the row of a chain forget a directory that does not exist. The next use makes a new one. */
export async function forgetDirectory(store: DiskStore, chainId: ChainId): Promise<void> {
  const { db, paths } = diskOf(store);
  using _ = await FileLock.acquire(paths.lock);
  const cacheId = store.chains.get(chainId)?.cacheId ?? null;
  if (cacheId === null || await lstatOrNothing(paths.chain(cacheId)) !== undefined) return;
  db.run("UPDATE chain SET cache_id = NULL WHERE chain_id = ? AND cache_id = ?", chainId, cacheId);
}

/** Writes the marker of a layer or of a chain again, from its rows. */
export async function restoreMarker(
  store: DiskStore,
  home: "layers" | "chains",
  cacheId: number,
): Promise<void> {
  const disk = diskOf(store);
  const marker = home === "layers" ? layerMarker(disk, cacheId) : chainMarker(disk, cacheId);
  if (marker === undefined) return;
  const id = marker.kind === "layer" ? marker.diffID : (marker as { chainID: string }).chainID;
  await guarded(`write the marker of ${id}`, async () => {
    const temporary = await disk.owner.fresh();
    const lock = await takeLock(disk, markerLock(disk.paths, id as DiffId), {
      what: `marks ${id}`,
    });
    try {
      const directory = `${disk.paths[home]}/${cacheId}`;
      await writeMarker(temporary, marker);
      await disk.syncer.each([temporary]);
      await Deno.rename(temporary, `${directory}/${MARKER}`);
      await disk.syncer.each([directory]);
    } finally {
      await disk.owner.tidy(() => lock.remove());
    }
  });
}

/** Writes the marker of a snapshot again, from its row. That of a layer gets its empty directory back, too. */
export async function restoreSnapshotMarker(store: DiskStore, cacheId: number): Promise<void> {
  const disk = diskOf(store);
  await guarded(`write the marker of snapshots/${cacheId}`, async () => {
    await disk.owner.fresh();
    const sql =
      "SELECT 1 FROM snapshot WHERE cache_id = ? AND kind = 'committed' AND diff_id IS NOT NULL";
    if (disk.db.get(sql, cacheId) !== undefined) {
      const directory = disk.paths.snapshot(cacheId);
      for (const path of [directory, `${directory}/${SNAPSHOT_FILES.files}`]) {
        await makeDirectory(path);
      }
      await disk.syncer.each([directory, disk.paths.snapshots]);
    }
    await settleMarker(disk, cacheId);
  });
}

/**
 * Gives a directory of `snapshots/` its row again, from its marker.
 *
 * @returns whether it has one now: not if its key is taken, or its parent is missing
 */
export async function adoptSnapshot(store: DiskStore, marker: SnapshotMarker): Promise<boolean> {
  const disk = diskOf(store);
  const { db } = disk;
  const row = markedSnapshot(marker, microseconds());
  if (row === undefined) return false;
  using _ = await shareStoreLock(disk);
  return db.transact(() => {
    const has = (sql: string, ...values: (string | number)[]) =>
      db.get(sql, ...values) !== undefined;
    const byKey = "SELECT 1 FROM snapshot WHERE scope = ? AND key = ?";
    if (has(byKey, row.scope, row.key)) return false;
    if (has("SELECT 1 FROM snapshot WHERE cache_id = ?", marker.id)) return false;
    if (row.parent !== null && !has(byKey, row.scope, row.parent)) return false;
    insertSnapshot(db, row);
    return true;
  });
}

function layerMarker(disk: Disk, cacheId: number): Marker | undefined {
  const sql = "SELECT diff_id FROM layer WHERE cache_id = ?";
  const found = disk.db.get<{ diff_id: string }>(sql, cacheId);
  const row = found === undefined ? undefined : layerRow(disk, found.diff_id as DiffId);
  return row === undefined ? undefined : committedMarker(disk, NOTHING, row);
}

function chainMarker(disk: Disk, cacheId: number): Marker | undefined {
  const row = disk.db.get<ChainRow>("SELECT * FROM chain WHERE cache_id = ?", cacheId);
  if (row === undefined) return undefined;
  const { chain_id: chainID, diff_id: diffID, parent_chain_id: parent } = row;
  return { id: cacheId, kind: "chain", chainID, diffID, parent };
}

/** A blob whose bytes were proved, and that has no row. */
export interface FoundBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** Gives a file of the content its row. */
export async function adoptBlob(store: DiskStore, blob: FoundBlob): Promise<void> {
  const disk = diskOf(store);
  const { db } = disk;
  using _ = await shareStoreLock(disk);
  db.run(
    `INSERT OR IGNORE INTO blob (digest, size, media_type, verified_at, seq)
     VALUES (?, ?, ?, ?, (SELECT value FROM state WHERE key = 'seq'))`,
    blob.digest,
    blob.size,
    blob.mediaType,
    Date.now(),
  );
}

/** Gives a directory of `layers/` its rows, from its marker. The caller has proved tar and tree. */
export async function adoptLayer(
  store: DiskStore,
  marker: Extract<Marker, { kind: "layer" }>,
): Promise<void> {
  const disk = diskOf(store);
  const { db } = disk;
  using _ = await shareStoreLock(disk);
  db.transact(() => insertLayer(db, marker, Date.now()));
}

/** Removes a directory of `layers/` or `chains/` that has no row. */
export async function discardOrphan(
  store: DiskStore,
  home: "layers" | "chains",
  cacheId: number,
): Promise<void> {
  const disk = diskOf(store);
  const table = home === "layers" ? "layer" : "chain";
  using _ = await FileLock.acquire(disk.paths.lock);
  if (disk.db.get(`SELECT 1 FROM ${table} WHERE cache_id = ?`, cacheId) !== undefined) return;
  // Then it may be the only copy of something.
  if (isOlder(disk.db)) return;
  await guarded(`remove ${home}/${cacheId}`, async () => {
    await disk.owner.fresh();
    await discard(disk, `${disk.paths[home]}/${cacheId}`);
  });
}

/**
 * Moves a directory of `snapshots/` that has no row to `lost/`, if it has files; else removes it.
 *
 * @returns whether it is in `lost/` now
 */
export async function keepSnapshot(store: DiskStore, cacheId: number): Promise<boolean> {
  const disk = diskOf(store);
  using _ = await FileLock.acquire(disk.paths.lock);
  const sql = "SELECT 1 FROM snapshot WHERE cache_id = ?";
  const path = disk.paths.snapshot(cacheId);
  if (disk.db.get(sql, cacheId) !== undefined) return false;
  if (await lstatOrNothing(path) === undefined || isOlder(disk.db)) return false;
  return await guarded(`keep snapshots/${cacheId}`, async () => {
    await disk.owner.fresh();
    if (await hasFiles(path)) {
      await keepLost(disk, cacheId);
      return true;
    }
    await discard(disk, path);
    return false;
  });
}

/** Removes the row of a blob whose file is missing. For a blob that nothing needs. */
export function dropBlobRow(store: DiskStore, digest: Digest): void {
  const { db } = diskOf(store);
  db.transact(() => {
    db.run("DELETE FROM blob WHERE digest = ?", digest);
  });
}

/** Removes a file of the content that has no row. */
export async function discardBlob(store: DiskStore, digest: Digest): Promise<void> {
  const disk = diskOf(store);
  using _ = await FileLock.acquire(disk.paths.lock);
  if (blobRow(disk, digest) !== undefined || isOlder(disk.db)) return;
  await guarded(`remove blob ${digest}`, async () => {
    await disk.owner.fresh();
    await discard(disk, disk.paths.blob(digest));
  });
}

/** Makes the blob of an uncompressed layer again, as a hard link to its tar. The caller has proved the tar. */
export async function linkBlob(store: DiskStore, diffId: DiffId): Promise<void> {
  const disk = diskOf(store);
  const { owner, paths, syncer } = disk;
  await guarded(`make blob ${diffId}`, async () => {
    const temporary = await owner.fresh();
    const directory = paths.blobDirectory(diffId);
    await makeDirectory(directory);
    using _ = await shareStoreLock(disk);
    await Deno.link(`${store.directories.layer(diffId)}/${LAYER_FILES.tar}`, temporary);
    await Deno.rename(temporary, paths.blob(diffId));
    await syncer.each([directory]);
  });
  noteSound(store, "blob", diffId);
}

/** A path for a new tree, in a directory that is removed when the store closes. */
export async function stagedTree(store: DiskStore): Promise<string> {
  return await guarded("stage a tree", () => diskOf(store).owner.fresh());
}

/** A tree that was derived from the tar of its layer. */
export interface DerivedTree {
  /** Path of its file, as {@linkcode stagedTree} gave it. */
  readonly path: string;
  readonly treeDigest: string;
  readonly treeSize: number;
  /** SHA-256 of its file. */
  readonly treeSum: string;
  readonly entries: number;
  /** Whether the padding after a file in the tar is not all zeros. */
  readonly dirtyPadding: boolean;
}

/** Replaces the tree of a layer by one that was derived from its tar. */
export async function replaceTree(
  store: DiskStore,
  diffId: DiffId,
  tree: DerivedTree,
): Promise<void> {
  const disk = diskOf(store);
  const { db, owner, paths, syncer } = disk;
  await guarded(`replace the tree of layer ${diffId}`, async () => {
    const lock = await takeLock(disk, layerLock(paths, diffId), { what: `makes layer ${diffId}` });
    try {
      const directory = store.directories.layer(diffId);
      await Deno.chmod(tree.path, 0o444);
      await syncer.each([tree.path]);
      await Deno.rename(tree.path, `${directory}/${LAYER_FILES.tree}`);
      await syncer.each([directory]);
      db.run(
        `UPDATE layer SET tree_digest = ?, tree_size = ?, tree_sum = ?, entries = ?, dirty_padding = ?
         WHERE diff_id = ?`,
        tree.treeDigest,
        tree.treeSize,
        tree.treeSum,
        tree.entries,
        tree.dirtyPadding ? 1 : 0,
        diffId,
      );
    } finally {
      await owner.tidy(() => lock.remove());
    }
  });
  const cacheId = store.layers.get(diffId)?.cacheId;
  if (cacheId !== undefined) await restoreMarker(store, "layers", cacheId);
}

/** Writes `index.json` again. */
export async function restoreIndex(store: DiskStore): Promise<void> {
  const disk = diskOf(store);
  await guarded("write index.json", async () => {
    await disk.owner.fresh();
    await discard(disk, disk.paths.index);
  });
  writeIndex(disk);
}

/** Gives a file or directory of the store its mode again. */
export async function restoreMode(path: string, mode: number): Promise<void> {
  await guarded(`change the mode of ${path}`, () => Deno.chmod(path, mode));
}
