import { VarveError } from "../../../errors.ts";

/** Primary result codes of SQLite (sqlite.org, "Result and Error Codes"). */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
/** The extended code when the disk is too full for the WAL index, which needs 32 KiB at a start. */
const IOERR_SHMSIZE = 4874;

/** Result codes by message, for errors without a number from node:sqlite. */
const BY_MESSAGE: readonly (readonly [RegExp, number])[] = [
  [/disk is full/, FULL],
  [/malformed/, CORRUPT],
  [/not a database/, NOTADB],
  [/is locked/, BUSY],
  [/readonly database/, READONLY],
  [/disk I\/O error/, IOERR],
  [/unable to open/, CANTOPEN],
];

/** Maps an error of SQLite to a `VarveError`; returns any other error unchanged. */
export function databaseError(error: unknown, action: string): unknown {
  if (error instanceof VarveError || !(error instanceof Error)) return error;
  const { code, errcode } = error as { code?: unknown | undefined; errcode?: unknown | undefined };
  if (code !== "ERR_SQLITE_ERROR") return error;
  const primary = errcode === IOERR_SHMSIZE
    ? FULL
    : typeof errcode === "number"
    ? errcode & 0xff
    : BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1];
  const message = `Cannot ${action}: ${error.message}`;
  const cause = { cause: error };
  switch (primary) {
    case BUSY:
    case LOCKED:
      return new VarveError("E_BUSY", message, {
        hint: "another process is using the database; try again",
      }, cause);
    case FULL:
      return new VarveError("E_SYSCALL", message, {
        errno: "ENOSPC",
        hint: "free some space, or use a root on another file system",
      }, cause);
    case READONLY:
      return new VarveError("E_SYSCALL", message, {
        errno: "EROFS",
        hint: "the store is open for reading only",
      }, cause);
    case IOERR:
      return new VarveError("E_SYSCALL", message, { errno: "EIO" }, cause);
    case CANTOPEN:
      // The database itself was read earlier, so the error is about the files that SQLite makes
      // beside it.
      return new VarveError("E_SYSCALL", message, {
        errno: "EIO",
        hint:
          "SQLite cannot make its files beside the database: free some space, or check who may write there",
      }, cause);
    case CORRUPT:
    case NOTADB:
      return new VarveError("E_DB", message, { hint: DAMAGED_HINT }, cause);
    default:
      return new VarveError("E_INTERNAL", message, {}, cause);
  }
}

/** Hint for a damaged database. */
export const DAMAGED_HINT =
  "move the store aside and load its images again; nothing in it was changed";
