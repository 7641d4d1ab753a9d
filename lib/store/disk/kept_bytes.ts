import type { Digest } from "../../digest/mod.ts";
import { blobRow } from "./content.ts";
import type { Disk } from "./context.ts";
import { isBlobWhole } from "./damage.ts";
import { keptIn, keptPath, layerLock } from "./ingest_names.ts";
import { FileLock } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { lstatOrNothing, removeAll } from "./system.ts";

/**
 * Bytes of a blob that arrived before its ingest failed or its process died. They are in
 * `ingest/<digest>.part`, which belongs to no owner. Only the holder of the layer's lock
 * `ingest/<digest>.lock` reads and writes them. A finished layer has a hard link to the file. The
 * name `<digest>.part` stays until the commit.
 *
 * The bytes are neither synced nor verified. The digest of the whole blob decides whether they are right.
 */
export interface KeptBytes {
  /** Path of the file, which may not exist. */
  readonly path: string;
  /** Number of bytes that are kept. */
  readonly size: number;
}

/** How long kept bytes stay without use, in ms: a week. */
const LIFE = 7 * 24 * 60 * 60 * 1000;

/**
 * Finds the kept bytes of a blob and prepares their file for more bytes. The caller must hold the
 * layer's lock.
 */
export async function openKept(paths: Paths, digest: Digest): Promise<KeptBytes> {
  const path = keptPath(paths, digest);
  const info = await lstatOrNothing(path);
  if (info === undefined) return { path, size: 0 };
  if (info.nlink !== 1) {
    // A finished layer shares this file, so writing to it would change the layer.
    await removeAll(path);
    return { path, size: 0 };
  }
  // Finishing a layer made the file read-only.
  await Deno.chmod(path, 0o600);
  return { path, size: info.size };
}

/** Removes the kept bytes of a blob, unless another ingest holds the lock and uses them. */
export async function dropKept(paths: Paths, digest: Digest): Promise<void> {
  const path = keptPath(paths, digest);
  if (await lstatOrNothing(path) === undefined) return;
  const lock = await FileLock.tryAcquire(layerLock(paths, digest));
  if (lock === undefined) return;
  try {
    await removeAll(path);
  } finally {
    lock.remove();
  }
}

/**
 * Removes kept bytes that are too old, and kept bytes of blobs that the store holds. `names` are
 * the names in `ingest/`.
 */
export async function sweepKept(disk: Disk, names: readonly string[]): Promise<void> {
  const { paths } = disk;
  for (const digest of keptIn(names)) {
    const info = await lstatOrNothing(keptPath(paths, digest));
    const row = blobRow(disk, digest);
    const isHere = row !== undefined && isBlobWhole(disk, row);
    if (isHere || (info?.mtime?.getTime() ?? 0) < Date.now() - LIFE) await dropKept(paths, digest);
  }
}
