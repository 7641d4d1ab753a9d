import type { Digest } from "../../digest/mod.ts";
import { blobRow, layerRow } from "./content.ts";
import type { Disk } from "./context.ts";
import { isBlobWhole, isLayerWhole, noteLayerDamage } from "./damage.ts";
import { raiseGeneration } from "./derived/generation.ts";
import { FileLock } from "./lock.ts";
import { LAYER_FILES, MARKER } from "./names.ts";
import type { NumberedLayer, StagedFile, StagedMarker } from "./staged.ts";
import { lstatOrNothing, makeDirectory } from "./system.ts";
import { discard } from "./trash.ts";

/** Files and directories that a commit gave their final names. */
export interface Placed {
  readonly layers: NumberedLayer[];
  readonly blobs: StagedFile[];
  /** The blobs among them whose files replaced others. An undo leaves them. */
  readonly replaced: Set<Digest>;
}

/** What a commit has staged. */
export interface Staged {
  readonly layers: readonly NumberedLayer[];
  readonly blobs: readonly StagedFile[];
  readonly markers: readonly StagedMarker[];
}

/** Maximum time in ms that an undo waits for the commits of other ingests. */
const UNDO_TIMEOUT = 5_000;

/**
 * Renames everything staged to its final name, and syncs the directories that hold the names. Skips
 * layers and blobs that the store already holds intact. What gets its name is added to `placed`, for
 * its row, and so that {@linkcode undo} removes it after a failure: before the rename, because a rename that fails may
 * have been done, as on NFS. An undo removes nothing that replaced a file: if the database is older than the files, the
 * file may have had no row.
 */
export async function placeAll(
  disk: Disk,
  { layers, blobs, markers }: Staged,
  placed: Placed,
): Promise<void> {
  const { paths } = disk;
  const directories = new Set<string>();
  // Rename blobs first: the blob of a layer is in the directory that is renamed with the layer.
  for (const blob of blobs) {
    const row = blobRow(disk, blob.digest);
    if (row !== undefined && isBlobWhole(disk, row)) continue;
    const directory = paths.blobDirectory(blob.digest);
    if (await lstatOrNothing(directory) === undefined) {
      await makeDirectory(directory);
      directories.add(paths.blobs);
    }
    const isNew = await lstatOrNothing(paths.blob(blob.digest)) === undefined;
    if (!isNew) placed.replaced.add(blob.digest);
    placed.blobs.push(blob);
    await Deno.rename(blob.path, paths.blob(blob.digest));
    directories.add(directory);
  }
  for (const layer of layers) {
    const row = layerRow(disk, layer.diffId);
    if (row !== undefined && isLayerWhole(disk, row)) continue;
    if (row !== undefined && row.cache_id !== layer.cacheId) continue;
    if (row === undefined) {
      await dropBlob(layer);
      const path = paths.layer(layer.cacheId);
      // What has the name already is another's: an undo must not remove it.
      const isNew = await lstatOrNothing(path) === undefined;
      if (isNew) placed.layers.push(layer);
      await Deno.rename(layer.directory, path);
      if (!isNew) placed.layers.push(layer);
    } else {
      placed.layers.push(layer);
      directories.add(await repair(disk, layer));
    }
    directories.add(paths.layers);
    if (await shareTar(disk, layer)) directories.add(paths.blobDirectory(layer.diffId));
  }
  for (const { path, diffId, cacheId } of markers) {
    if (layerRow(disk, diffId)?.cache_id !== cacheId) continue;
    const directory = paths.layer(cacheId);
    await Deno.rename(path, `${directory}/${MARKER}`);
    directories.add(directory);
  }
  await disk.syncer.each([...directories]);
}

/**
 * Removes the blob from a layer's directory. The blob is still there when the store held it
 * already, and when it is a hard link to the file in `content/`, in which case rename(2) does
 * nothing.
 */
async function dropBlob(layer: NumberedLayer): Promise<void> {
  const path = `${layer.directory}/${LAYER_FILES.blob}`;
  if (await lstatOrNothing(path) !== undefined) await Deno.remove(path);
}

/**
 * Replaces the files of a damaged layer one by one, because a driver's directory beside them may be
 * mounted. What was derived from the old bytes is out of date afterwards.
 *
 * The damage is noted first, so that the row says so until all of this is done: a kill in between lets the next ingest
 * begin again.
 */
async function repair(disk: Disk, layer: NumberedLayer): Promise<string> {
  const directory = disk.paths.layer(layer.cacheId);
  noteLayerDamage(disk, layer.diffId);
  await makeDirectory(directory);
  for (const name of [LAYER_FILES.tar, LAYER_FILES.tree, MARKER]) {
    await Deno.rename(`${layer.directory}/${name}`, `${directory}/${name}`);
  }
  await raiseGeneration(disk, directory);
  return directory;
}

/**
 * Makes the blob of an uncompressed layer a hard link to its new tar, if the store has that blob: else the bytes would
 * take their space twice, and what is wrong in the old file would stay.
 *
 * @returns whether the blob is another file now
 */
async function shareTar(disk: Disk, { diffId, cacheId }: NumberedLayer): Promise<boolean> {
  const { owner, paths } = disk;
  const tar = `${paths.layer(cacheId)}/${LAYER_FILES.tar}`, blob = paths.blob(diffId);
  if (blobRow(disk, diffId) === undefined) return false;
  const old = await lstatOrNothing(blob);
  // rename(2) does nothing when both names are links to one file, and replaces no directory.
  if (old?.ino === (await lstatOrNothing(tar))?.ino || old?.isDirectory) return false;
  const link = await owner.fresh();
  await Deno.link(tar, link);
  await makeDirectory(paths.blobDirectory(diffId));
  await Deno.rename(link, blob);
  return true;
}

/**
 * Removes placed files and directories that have no row. It takes the store's lock exclusively,
 * because another commit may rely on a placed blob. If it does not get the lock in time, a later
 * start removes them.
 */
export async function undo(disk: Disk, placed: Placed): Promise<void> {
  if (placed.layers.length + placed.blobs.length === 0) return;
  const { paths } = disk;
  try {
    using _ = await FileLock.acquire(paths.lock, { timeout: UNDO_TIMEOUT });
    for (const layer of placed.layers) {
      if (layerRow(disk, layer.diffId)?.cache_id !== layer.cacheId) {
        await discard(disk, paths.layer(layer.cacheId));
      }
    }
    for (const { digest } of placed.blobs) {
      if (placed.replaced.has(digest)) continue;
      if (blobRow(disk, digest) === undefined) await discard(disk, paths.blob(digest));
    }
  } catch {
    disk.owner.leaveMark();
  }
}
