import { VarveError } from "../../../errors.ts";
import { lacksRecordLocks } from "../../../linux/mod.ts";
import { refusalOf } from "../room.ts";

/** Primary result codes of SQLite (sqlite.org, "Result and Error Codes"). */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
/** SQLite could not lock its index at all, as on a file system without locks. */
const PROTOCOL = 15;
const NOTADB = 26;
/** The extended code when the disk is too full for the WAL index, which needs 32 KiB at a start. */
const IOERR_SHMSIZE = 4874;

/** Result codes by message, for errors of node:sqlite that carry no result code. */
const BY_MESSAGE: readonly (readonly [RegExp, number])[] = [
  [/disk is full/, FULL],
  [/malformed/, CORRUPT],
  [/not a database/, NOTADB],
  [/is locked/, BUSY],
  [/readonly database/, READONLY],
  [/disk I\/O error/, IOERR],
  [/unable to open/, CANTOPEN],
  [/locking protocol/, PROTOCOL],
];

/** An error of node:sqlite. */
interface SqliteError extends Error {
  /** SQLite's extended result code. */
  readonly errcode?: unknown | undefined;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** The primary result code of an error of SQLite; `undefined` for any other error. */
function primaryCode(error: unknown): number | undefined {
  if (!isSqliteError(error)) return undefined;
  const { errcode } = error;
  if (errcode === IOERR_SHMSIZE) return FULL;
  if (typeof errcode === "number") return errcode & 0xff;
  return BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1];
}

/**
 * Maps an error of SQLite to a `VarveError`; returns any other error unchanged.
 *
 * @param path path of the database. SQLite calls a used up quota an I/O error, and a file that it cannot make beside the
 *   database by no reason. So the disk is asked whether it takes any bytes there. Locks that a file system does not have
 *   are for SQLite those of another process. So a lock of another file beside the database is tried.
 */
export function databaseError(error: unknown, action: string, path: string): unknown {
  if (error instanceof VarveError || !isSqliteError(error)) return error;
  const primary = primaryCode(error);
  const message = `Cannot ${action}: ${error.message}`;
  const cause = { cause: error };
  const noSpace = (errno: string) => {
    const hint = "free some space, or use a root on another file system";
    return new VarveError("E_SYSCALL", message, { errno, hint }, cause);
  };
  const directory = path.slice(0, path.lastIndexOf("/"));
  const refusal = primary === IOERR || primary === CANTOPEN ? refusalOf(directory) : undefined;
  if (refusal !== undefined) return noSpace(refusal);
  switch (primary) {
    case BUSY:
    case LOCKED:
      if (lacksRecordLocks(`${directory}/store.lock`)) return withoutLocks(action, cause);
      return new VarveError("E_BUSY", message, {
        hint: "another process is using the database; try again",
      }, cause);
    case FULL:
      return noSpace("ENOSPC");
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
    case PROTOCOL:
      return withoutLocks(action, cause);
    case CORRUPT:
    case NOTADB:
      return new VarveError("E_DB", message, { hint: DAMAGED_HINT }, cause);
    default:
      return new VarveError("E_INTERNAL", message, {}, cause);
  }
}

function withoutLocks(action: string, cause: ErrorOptions): VarveError {
  return new VarveError("E_SYSCALL", `Cannot ${action}: the file system has no locks`, {
    errno: "ENOLCK",
  }, cause);
}

/** Whether SQLite could not open the database or a file beside it. */
export function isCannotOpen(error: unknown): boolean {
  return error instanceof VarveError && primaryCode(error.cause) === CANTOPEN;
}

/** Hint for a damaged database. */
export const DAMAGED_HINT = "make it again from the files; nothing in it was changed";
