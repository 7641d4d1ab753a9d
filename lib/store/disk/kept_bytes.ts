import type { Digest } from "../../digest/mod.ts";
import { STAT_BLOCK } from "../../linux/mod.ts";
import { CACHE_BOUNDS } from "../cache_bounds.ts";
import type { GcOptions } from "../garbage.ts";
import { blobRow } from "./content.ts";
import { boundOf, type Disk } from "./context.ts";
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

/**
 * Removes the kept bytes of a blob, unless another ingest holds the lock and uses them.
 *
 * @returns whether there are none now
 */
export async function dropKept(paths: Paths, digest: Digest): Promise<boolean> {
  const path = keptPath(paths, digest);
  if (await lstatOrNothing(path) === undefined) return true;
  const lock = await FileLock.tryAcquire(layerLock(paths, digest));
  if (lock === undefined) return false;
  try {
    await removeAll(path);
    return true;
  } finally {
    lock.remove();
  }
}

/** Removes the kept bytes that {@linkcode overdueParts} finds. `names` are the names in `ingest/`. */
export async function sweepKept(disk: Disk, names: readonly string[]): Promise<void> {
  for (const { digest } of await overdueParts(disk, names)) await dropKept(disk.paths, digest);
}

/** Kept bytes of a blob that are not worth keeping. */
export interface OverduePart {
  readonly digest: Digest;
  /** Bytes on the disk. */
  readonly bytes: number;
  /** Why they are removed. */
  readonly reason: string;
}

/**
 * Finds kept bytes of blobs that the store holds, kept bytes that are too old, and those that are beyond the setting
 * `cache.parts`: then the parts that were not used for the longest time. `names` are the names in `ingest/`.
 */
export async function overdueParts(
  disk: Disk,
  names: readonly string[],
  bounds: GcOptions["bounds"] = true,
): Promise<OverduePart[]> {
  const overdue: OverduePart[] = [];
  const kept: (Omit<OverduePart, "reason"> & { readonly usedAt: number })[] = [];
  for (const digest of keptIn(names)) {
    const info = await lstatOrNothing(keptPath(disk.paths, digest));
    if (info === undefined) continue;
    const usedAt = info.mtime?.getTime() ?? 0;
    // A finished layer that waits for its commit has the file, too.
    const bytes = info.nlink === 1 ? (info.blocks ?? 0) * STAT_BLOCK : 0;
    const row = blobRow(disk, digest);
    if (row !== undefined && isBlobWhole(disk, row)) {
      overdue.push({ digest, bytes, reason: "the store has the blob" });
    } else if (usedAt < Date.now() - LIFE) {
      overdue.push({ digest, bytes, reason: "it was not used for a week" });
    } else kept.push({ digest, bytes, usedAt });
  }
  if (kept.length === 0) return overdue;
  const given = typeof bounds === "object" ? bounds : undefined;
  const bound = given?.parts ?? boundOf(disk.db, CACHE_BOUNDS.parts);
  const before = given?.before ?? Infinity;
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { digest, bytes, usedAt } of kept.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= bound || usedAt >= before) break;
    total -= bytes;
    overdue.push({
      digest,
      bytes,
      reason: given === undefined
        ? "kept parts have more bytes than the setting cache.parts"
        : "it is not in use",
    });
  }
  return overdue;
}
