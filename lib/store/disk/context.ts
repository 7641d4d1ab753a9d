import { VarveError } from "../../errors.ts";
import { fileErrno, isNoSpace } from "../../linux/mod.ts";
import type { CacheBound } from "../cache_bounds.ts";
import type { Database } from "./database/database.ts";
import { prepareForWriting } from "./database/open_database.ts";
import { FileLock, holderOf, type LockOptions } from "./lock.ts";
import type { Owner } from "./owner.ts";
import type { Durability } from "./options.ts";
import type { Paths } from "./paths.ts";
import type { Room } from "./room.ts";
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
  /** The space of the store, and its reserve. */
  readonly room: Room;
  /** What this open store has done to caches. */
  readonly caches: CacheActivity;
  /** See `OpenOptions.onWait`. */
  readonly onWait: ((message: string) => void) | undefined;
  /** Called with a message about something that the user should fix. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What an open store has done to caches. */
export interface CacheActivity {
  /** Whether it has made some since the bound of caches was enforced. */
  areNew: boolean;
}

/** Options of {@linkcode checkWritable}. */
export interface WriteOptions {
  /** Whether the action frees space, or is needed to free space. On a full disk it may use the reserve. */
  readonly frees?: boolean | undefined;
}

/**
 * Makes sure that a store can be changed. A store that was opened on a full disk, as a copy in memory, is opened for
 * writing here.
 *
 * @throws {VarveError} `E_SYSCALL` with `EROFS` on a read-only file system, with `ENOSPC` on a full disk
 */
export function checkWritable(disk: Disk, action: string, options: WriteOptions = {}): void {
  const { readOnly, db, room, paths } = disk;
  if (readOnly) {
    throw new VarveError("E_SYSCALL", `Cannot ${action}: the store is on a read-only file system`, {
      errno: "EROFS",
      hint: "mount it writable, or use another root",
    });
  }
  if (!db.isCopy) return;
  if (options.frees) room.giveUp();
  if (room.isShort()) throw room.error(action);
  try {
    db.connect((file) => {
      prepareForWriting(file, paths.database);
      setDurability(file, disk.syncer.durability);
    });
  } catch (error) {
    throw isNoSpace(error) ? room.error(action, error) : error;
  }
}

/**
 * Runs a transaction that frees space. If the disk is full, it gives up the reserve and runs `fn` once more.
 *
 * @throws {VarveError} as {@linkcode checkWritable}
 */
export function freeingTransaction<T>(disk: Disk, action: string, fn: () => T): T {
  checkWritable(disk, action, { frees: true });
  try {
    return disk.db.transact(fn);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    if (!disk.room.giveUp()) throw disk.room.error(action, error);
    return disk.db.transact(fn);
  }
}

/**
 * Says how a connection syncs. In WAL mode, NORMAL syncs only at checkpoints. A loss of power can lose the last
 * commits, but never damages the database.
 */
export function setDurability(db: Database, durability: Durability): void {
  db.run(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
}

/** Options of {@linkcode takeLock}. */
export interface TakeLockOptions extends Omit<LockOptions, "onLongWait"> {
  /** What the holder of the lock does, such as "makes layer sha256:…". */
  readonly what: string;
}

/**
 * Waits for a lock of the store. If the wait is long, it tells who holds the lock. If the kernel refuses a lock in
 * `ingest/`, its file may stay; a later start removes it.
 */
export async function takeLock(
  disk: Disk,
  path: string,
  { what, ...options }: TakeLockOptions,
): Promise<FileLock> {
  const onLongWait = () => disk.onWait?.(`${holderOf(path)} ${what}`);
  try {
    return await FileLock.acquire(path, { ...options, onLongWait });
  } catch (error) {
    if (fileErrno(error) !== undefined) disk.owner.leaveMark();
    throw error;
  }
}

/**
 * Shares the lock of the store. It is held while files have their final names but no rows yet: a clean-up takes the lock
 * alone, and removes files without rows.
 */
export function shareStoreLock(disk: Disk): Promise<FileLock> {
  return takeLock(disk, disk.paths.lock, { shared: true, what: "removes things from the store" });
}

/** A number that the store keeps about itself, such as `seq`; see `database/schema.ts`. */
export function stateOf(db: Database, key: string): number {
  return db.get<{ value: number }>("SELECT value FROM state WHERE key = ?", key)?.value ?? 0;
}

/** The value of a bound of caches, in bytes: the setting, else the default. */
export function boundOf(db: Database, { setting, value }: CacheBound): number {
  const row = db.get<{ value: string }>("SELECT value FROM setting WHERE key = ?", setting);
  const given = Number(row?.value ?? NaN);
  return Number.isSafeInteger(given) ? given : value;
}

/** Sets a number that the store keeps about itself. */
export function setState(db: Database, key: string, value: number): void {
  db.run("UPDATE state SET value = ? WHERE key = ?", value, key);
}

/** Sets a number that the store keeps about itself, which older stores do not have. */
export function putState(db: Database, key: string, value: number): void {
  db.run("INSERT OR REPLACE INTO state VALUES (?, ?)", key, value);
}

/** Adds to a number that the store keeps about itself, inside a transaction; returns the sum. */
export function countUp(db: Database, key: string, by = 1): number {
  db.run("UPDATE state SET value = value + ? WHERE key = ?", by, key);
  return stateOf(db, key);
}
