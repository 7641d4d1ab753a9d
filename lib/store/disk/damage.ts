import type { Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Disk } from "./context.ts";
import type { BlobRow, LayerRow } from "./database/records.ts";
import { LAYER_FILES } from "./names.ts";
import { lstatOrNothingSync } from "./system.ts";

/**
 * Whether a path is a regular file of this size. It does not check the content, which would mean
 * reading all of it.
 */
export function hasSize(path: string, size: number): boolean {
  const info = lstatOrNothingSync(path);
  return info !== undefined && info.isFile && info.size === size;
}

/** Whether a layer is not noted as damaged and its files have the sizes that its row says. */
export function isLayerWhole(disk: Disk, row: LayerRow): boolean {
  const directory = disk.paths.layer(row.cache_id);
  return row.verified_at !== 0 && hasSize(`${directory}/${LAYER_FILES.tar}`, row.size) &&
    hasSize(`${directory}/${LAYER_FILES.tree}`, row.tree_size);
}

/** Whether a blob is not noted as damaged and its file has the size that its row says. */
export function isBlobWhole(disk: Disk, row: BlobRow): boolean {
  return row.verified_at !== 0 && hasSize(disk.paths.blob(row.digest as Digest), row.size);
}

/**
 * Notes that a layer is damaged, so that the next ingest makes it again; returns the error to throw. A layer that was
 * removed after its row was read is no damage: then the error says so.
 */
export function layerDamage(disk: Disk, diffId: string, state: string): VarveError {
  if (disk.db.get("SELECT 1 FROM layer WHERE diff_id = ?", diffId) === undefined) {
    return removedMeanwhile("read", `layer ${diffId}`);
  }
  noteLayerDamage(disk, diffId);
  return damage(`layer ${diffId}`, state, diffId);
}

/** Notes that a layer is damaged, so that the next ingest makes it again. */
export function noteLayerDamage(disk: Disk, diffId: string): void {
  note(disk, "UPDATE layer SET verified_at = 0 WHERE diff_id = ?", diffId);
}

/** Notes that bytes do not match their digest. The blob of an uncompressed layer is its tar, so both are noted. */
export function noteDamage(disk: Disk, digest: Digest): void {
  note(disk, "UPDATE layer SET verified_at = 0 WHERE diff_id = ?", digest);
  note(disk, "UPDATE blob SET verified_at = 0 WHERE digest = ?", digest);
}

/**
 * Notes that a blob's file is missing, so that the next ingest brings it again; returns the error to throw. A blob that
 * was removed after its row was read is no damage: then the error says so.
 */
export function blobDamage(disk: Disk, digest: Digest, state: string): VarveError {
  if (disk.db.get("SELECT 1 FROM blob WHERE digest = ?", digest) === undefined) {
    return removedMeanwhile("read", `blob ${digest}`);
  }
  note(disk, "UPDATE blob SET verified_at = 0 WHERE digest = ?", digest);
  return damage(`blob ${digest}`, state, digest);
}

/** The error about something that gc has removed since it was found. */
export function removedMeanwhile(verb: string, what: string): VarveError {
  return new VarveError("E_BUSY", `Cannot ${verb}: ${what} was removed meanwhile`, {
    subject: what.slice(what.indexOf(" ") + 1),
    hint: "run the command again",
  });
}

/** Throws an error, where only an expression may stand. */
export function raise(error: Error): never {
  throw error;
}

function note(disk: Disk, sql: string, key: string): void {
  if (disk.readOnly) return;
  try {
    disk.db.run(sql, key);
  } catch {
    // Ignored: the caller gets the error about the damage, which says more.
  }
}

function damage(what: string, state: string, subject: string): VarveError {
  return new VarveError("E_DAMAGE", `Cannot read ${what}: ${state}`, {
    subject,
    hint: "load or pull the image again: that repairs it",
  });
}
