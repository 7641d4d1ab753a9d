import { DatabaseSync } from "node:sqlite";
import { pauseThread } from "../../../linux/mod.ts";
import { readDatabaseFile } from "./database_file.ts";
import { lstatOrNothingSync } from "../system.ts";

/** Maximum time in ms to wait until the file can be copied. */
const TIMEOUT = 10_000;
/** Time in ms between two attempts. */
const WAIT = 20;
/**
 * A file that was changed within this time, in ms, may be changed again without another time stamp.
 */
const FRESH = 50;
/** The bytes of a database's header that say "WAL", and their value without a WAL (sqlite.org, "Database File Format"). */
const WAL_VERSIONS = [18, 19], NO_WAL = 1;

/**
 * Copies a whole database into memory, in the form that a database in memory takes. It makes no file and lets no file
 * grow, so it works on a full disk. The copy is what one transaction sees.
 *
 * @param isOpenHere whether this program has a connection to the file
 * @returns `undefined` when other processes use the database all the time
 */
export function copyDatabase(path: string, isOpenHere = false): Uint8Array | undefined {
  const end = performance.now() + TIMEOUT;
  do {
    // The index of the WAL exists while somebody has the database open.
    const bytes = isOpenHere
      ? copyBy(path, { readOnly: true })
      : hasWal(path)
      ? copyWithWal(path)
      : copyFile(path);
    if (bytes !== undefined) {
      for (const at of WAL_VERSIONS) bytes[at] = NO_WAL;
      return bytes;
    }
    pauseThread(WAIT);
  } while (performance.now() < end);
  return undefined;
}

/**
 * Copies a database that has no WAL. The file is then the whole truth, unless a process writes meanwhile: it would
 * make a WAL first, and change the file or its time.
 */
function copyFile(path: string): Uint8Array | undefined {
  const before = Deno.lstatSync(path);
  if (Math.abs(Date.now() - (before.mtime?.getTime() ?? 0)) < FRESH) return undefined;
  const bytes = readDatabaseFile(path);
  const after = Deno.lstatSync(path);
  const same = before.mtime?.getTime() === after.mtime?.getTime() && before.ino === after.ino &&
    before.size === after.size && bytes.length === after.size;
  return same && !hasWal(path) ? bytes : undefined;
}

/**
 * Copies a database with a WAL. Where no process has the database open, SQLite keeps the index of the WAL in memory
 * (`locking_mode = EXCLUSIVE`). Else the index is there already.
 */
function copyWithWal(path: string): Uint8Array | undefined {
  return copyBy(path, { readOnly: false }) ?? copyBy(path, { readOnly: true });
}

function copyBy(
  path: string,
  { readOnly }: { readonly readOnly: boolean },
): Uint8Array | undefined {
  const db = new DatabaseSync(path, { readOnly, timeout: WAIT });
  try {
    if (!readOnly) db.prepare("PRAGMA locking_mode = EXCLUSIVE").get();
    // SQLite tells why a read fails, but not why a serialization does.
    db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get();
    return db.serialize();
  } catch (error) {
    if (/is locked/.test(String(error))) return undefined;
    throw error;
  } finally {
    db.close();
  }
}

function hasWal(path: string): boolean {
  return (lstatOrNothingSync(`${path}-wal`)?.size ?? 0) > 0;
}
