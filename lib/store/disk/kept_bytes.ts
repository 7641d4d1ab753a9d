import type { Digest } from "../../digest/mod.ts";
import { blobRow } from "./content.ts";
import type { Disk } from "./context.ts";
import { isBlobWhole } from "./damage.ts";
import { keptIn, keptPath, layerLock } from "./ingest_names.ts";
import { FileLock } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { lstatOrNothing, removeAll } from "./system.ts";

/**
 * The bytes of blobs as they came, in files `ingest/<digest>.part` of no owner: they outlive whoever
 * brought them, by error or by death. Under the layer's lock `ingest/<digest>.lock` they are read and
 * written; a finished layer links the file, and so it stays whole until the commit.
 *
 * They are bytes and no more: not synced, not verified. What is wrong with them the digest tells.
 */
export interface KeptBytes {
  /** The file, whether or not it is there. */
  readonly path: string;
  /** How many there are. */
  readonly size: number;
}

/** Kept bytes that nobody came back for end after a week, in ms. */
const LIFE = 7 * 24 * 60 * 60 * 1000;

/** What is kept of a blob, ready to be gone on with. The caller holds its lock. */
export async function openKept(paths: Paths, digest: Digest): Promise<KeptBytes> {
  const path = keptPath(paths, digest);
  const info = await lstatOrNothing(path);
  if (info === undefined) return { path, size: 0 };
  if (info.nlink !== 1) {
    // A finished layer is these bytes, too: nobody may write behind them.
    await removeAll(path);
    return { path, size: 0 };
  }
  // A layer that was finished has closed its files to writers.
  await Deno.chmod(path, 0o600);
  return { path, size: info.size };
}

/** Ends what was kept of a blob, unless somebody works on it: then it is that one's. */
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

/** Ends what is too old, and what is kept of blobs that are here. `names` are those in `ingest/`. */
export async function sweepKept(disk: Disk, names: readonly string[]): Promise<void> {
  const { paths } = disk;
  for (const digest of keptIn(names)) {
    const info = await lstatOrNothing(keptPath(paths, digest));
    const row = blobRow(disk, digest);
    const isHere = row !== undefined && isBlobWhole(disk, row);
    if (isHere || (info?.mtime?.getTime() ?? 0) < Date.now() - LIFE) await dropKept(paths, digest);
  }
}
