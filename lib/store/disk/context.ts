import { VarveError } from "../../errors.ts";
import { fileErrno } from "../../linux/mod.ts";
import type { Database } from "./database/database.ts";
import { FileLock, type LockOptions } from "./lock.ts";
import type { Owner } from "./owner.ts";
import type { Paths } from "./paths.ts";
import type { Syncer } from "./sync.ts";

/** What the parts of one open disk store share. */
export interface Disk {
  readonly paths: Paths;
  readonly db: Database;
  readonly syncer: Syncer;
  /** This open store, as other processes see it. */
  readonly owner: Owner;
  /** The file system takes no writes. */
  readonly readOnly: boolean;
}

/** @throws {VarveError} `E_SYSCALL` (`EROFS`) when the store is open for reading only */
export function checkWritable(disk: Disk, action: string): void {
  if (!disk.readOnly) return;
  throw new VarveError("E_SYSCALL", `Cannot ${action}: the store is on a read-only file system`, {
    errno: "EROFS",
    hint: "mount it writable, or use another root",
  });
}

/** Takes a lock in `ingest/`; when that fails its file may stay, for a later start to remove. */
export async function takeLock(
  disk: Disk,
  path: string,
  options: LockOptions,
): Promise<FileLock> {
  try {
    return await FileLock.acquire(path, options);
  } catch (error) {
    if (fileErrno(error) !== undefined) disk.owner.leaveMark();
    throw error;
  }
}

/** A number of the store itself. */
export function stateOf(db: Database, key: string): number {
  return db.get<{ value: number }>("SELECT value FROM state WHERE key = ?", key)?.value ?? 0;
}

/** Sets a number of the store itself. */
export function setState(db: Database, key: string, value: number): void {
  db.run("UPDATE state SET value = ? WHERE key = ?", value, key);
}

/** Counts a number of the store itself up, inside a transaction; gives the new one. */
export function countUp(db: Database, key: string, by = 1): number {
  db.run("UPDATE state SET value = value + ? WHERE key = ?", by, key);
  return stateOf(db, key);
}

/** The first of `count` cache ids that were never given before. */
export function allocateCacheIds(db: Database, count: number): number {
  return db.transact(() => countUp(db, "next_cache_id", count) - count);
}
