import { VarveError } from "../../errors.ts";
import { fileErrno } from "../../linux/mod.ts";
import type { Database } from "./database/database.ts";
import { FileLock, type LockOptions } from "./lock.ts";
import type { Owner } from "./owner.ts";
import type { Paths } from "./paths.ts";
import type { Syncer } from "./sync.ts";

/** The state that all parts of one open disk store share. */
export interface Disk {
  readonly paths: Paths;
  readonly db: Database;
  readonly syncer: Syncer;
  /** This open store as other processes see it: its lock and its directory in `ingest/`. */
  readonly owner: Owner;
  /** Whether the store is on a read-only file system. */
  readonly readOnly: boolean;
}

/** Refuses a change to a store on a read-only file system. @throws {VarveError} `E_SYSCALL` with `EROFS` */
export function checkWritable(disk: Disk, action: string): void {
  if (!disk.readOnly) return;
  throw new VarveError("E_SYSCALL", `Cannot ${action}: the store is on a read-only file system`, {
    errno: "EROFS",
    hint: "mount it writable, or use another root",
  });
}

/**
 * Waits for a lock in `ingest/`. If the kernel refuses the lock, its file may stay; a later start
 * removes it.
 */
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

/** A number that the store keeps about itself, such as `seq`; see `database/schema.ts`. */
export function stateOf(db: Database, key: string): number {
  return db.get<{ value: number }>("SELECT value FROM state WHERE key = ?", key)?.value ?? 0;
}

/** Sets a number that the store keeps about itself. */
export function setState(db: Database, key: string, value: number): void {
  db.run("UPDATE state SET value = ? WHERE key = ?", value, key);
}

/** Adds to a number that the store keeps about itself, inside a transaction; returns the sum. */
export function countUp(db: Database, key: string, by = 1): number {
  db.run("UPDATE state SET value = value + ? WHERE key = ?", by, key);
  return stateOf(db, key);
}

/** Allocates `count` new cache ids, which follow each other; returns the first. */
export function allocateCacheIds(db: Database, count: number): number {
  return db.transact(() => countUp(db, "next_cache_id", count) - count);
}
