import { stateOf } from "../context.ts";
import type { Database } from "../database/database.ts";

/**
 * Key of the state that says that the database is older than the files: it was restored from a
 * copy, or its WAL was lost or cut. Then a file without a row may be the only copy of something. So
 * no file without a row is removed until `fsck` has brought both together and sets this to 0.
 */
const OLDER = "older";

/** Whether the database was found to be older than the files. */
export function isOlder(db: Database): boolean {
  return stateOf(db, OLDER) === 1;
}

/** Notes that the database is older than the files. */
export function noteOlder(db: Database): void {
  db.run("INSERT OR REPLACE INTO state VALUES (?, 1)", OLDER);
}
