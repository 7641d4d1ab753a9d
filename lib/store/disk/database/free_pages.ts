import { VarveError } from "../../../errors.ts";
import { isNoSpace } from "../../../linux/mod.ts";
import type { Database } from "./database.ts";

/** Bytes of free pages that a database may keep for new rows. */
const KEPT_BYTES = 512 * 1024;

/**
 * Makes a database smaller when most of it is free pages: SQLite keeps the pages of removed rows for new ones. What is
 * left is written anew in one transaction, so it takes less than the pages that become free. Another process that holds
 * the database, and a full disk, leave it to the next collection.
 *
 * @throws {VarveError} `E_SYSCALL`, `E_DB`
 */
export function giveBackFreePages(db: Database): void {
  if (db.isCopy) return;
  const free = pragma(db, "freelist_count");
  if (free * pragma(db, "page_size") <= KEPT_BYTES) return;
  if (2 * free < pragma(db, "page_count")) return;
  try {
    // A temporary file would lie outside the store.
    db.run("PRAGMA temp_store = MEMORY");
    db.run("VACUUM");
  } catch (error) {
    const isBusy = error instanceof VarveError && error.code === "E_BUSY";
    if (!isBusy && !isNoSpace(error)) throw error;
  }
}

function pragma(db: Database, name: "freelist_count" | "page_count" | "page_size"): number {
  return db.get<Record<string, number>>(`PRAGMA ${name}`)?.[name] ?? 0;
}
