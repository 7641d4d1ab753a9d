import { VarveError } from "../../../errors.ts";
import { guarded, isNoSpace, isSupported } from "../../../linux/mod.ts";
import { FileLock } from "../lock.ts";
import type { Paths } from "../paths.ts";
import type { Room } from "../room.ts";
import { lstatOrNothing, namesIn } from "../system.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { DAMAGED_HINT, isCannotOpen } from "./database_error.ts";
import { readDatabaseFile } from "./database_file.ts";
import { allocateIndex } from "./index_space.ts";
import { APPLICATION_ID, checkSchema, migrate, SCHEMA_VERSION, schemaOf } from "./schema.ts";

/**
 * Maximum size, in bytes, of a database that is checked at every start. The check takes a few
 * milliseconds.
 */
const SMALL = 8 * 1024 * 1024;
/** Maximum time in ms that a start waits for another start that is making the database. */
const CREATE_TIMEOUT = 10_000;
/** First bytes of a database (sqlite.org, "Database File Format"). */
const MAGIC = "SQLite format 3\0";
/** Size of the header of a database. */
const HEADER_BYTES = 100;

/** Maximum size in bytes of a WAL that nobody uses. A WAL that grew in a large transaction is cut. */
const WAL_BYTES = 256 * 1024;

/** What {@linkcode openDatabase} has to know. */
export interface OpenDatabaseOptions {
  /** Whether the file system is read-only. */
  readonly readOnly: boolean;
  /** Whether a process crashed, so that a large database must be checked too. */
  readonly unclean: boolean;
  /** The space of the store. */
  readonly room: Room;
}

/**
 * Opens the database of a store; makes it when it is missing, and migrates an older schema. On a full disk, it opens
 * a copy in memory.
 *
 * A database that is damaged or of a later schema is refused before anything is written.
 *
 * @throws {VarveError} `E_DB` · `E_SYSCALL` with `ENOSPC` it is missing, and the disk is full
 */
export async function openDatabase(paths: Paths, options: OpenDatabaseOptions): Promise<Database> {
  const path = paths.database;
  const action = `open database ${path}`;
  const found = await guarded(action, () => judgeFile(path));
  const { room } = options;
  if (options.readOnly) {
    if (found === "new") throw dbError(path, "it is missing", "mount the store writable once");
    return openForReading(path);
  }
  const isShort = room.isShort();
  if (found === "new") {
    if (isShort) throw room.error(action);
    return await guarded(action, async () => {
      using _ = await FileLock.acquire(paths.lock, { timeout: CREATE_TIMEOUT });
      return await createDatabase(paths);
    });
  }
  const checks = found.size <= SMALL || options.unclean;
  if (isShort) return openCopy(path, checks);
  try {
    return await openForWriting(path, checks);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    return openCopy(path, checks);
  }
}

async function openForWriting(path: string, checks: boolean): Promise<Database> {
  const action = `open database ${path}`;
  if (checks) await guarded(action, () => quickCheck(path));
  const db = new Database(path);
  try {
    checkSchema(path, schemaOf(db));
    await guarded(action, () => keepPrivate(path));
    prepareForWriting(db, path);
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Opens a copy of the database in memory. */
function openCopy(path: string, checks: boolean): Database {
  const db = new Database(path, { copy: true });
  try {
    checkSchema(path, schemaOf(db));
    if (checks) checkPages(db, path);
    migrate(db, path);
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/**
 * Prepares a new connection for writing.
 *
 * @throws {VarveError} `E_DB`, `E_SYSCALL`
 */
export function prepareForWriting(db: Database, path: string): void {
  db.get("PRAGMA journal_mode = WAL");
  db.get(`PRAGMA journal_size_limit = ${WAL_BYTES}`);
  migrate(db, path);
  allocateIndex(path);
}

/**
 * Checks the file without SQLite, because SQLite would accept the database of another program, or
 * write files beside it.
 */
async function judgeFile(path: string): Promise<"new" | { readonly size: number }> {
  const info = await lstatOrNothing(path);
  if (info === undefined || (info.isFile && info.size === 0)) return "new";
  if (!info.isFile) throw dbError(path, "it is not a regular file", DAMAGED_HINT);
  // A connection of this program was judged when it was opened. See `readDatabaseFile`.
  if (!isSupported() && Database.isOpenHere(path)) return { size: info.size };
  const head = readDatabaseFile(path, HEADER_BYTES);
  const magic = String.fromCharCode(...head.subarray(0, MAGIC.length));
  if (head.length < HEADER_BYTES || magic !== MAGIC) {
    throw dbError(path, "it is not an SQLite database", DAMAGED_HINT);
  }
  const view = new DataView(head.buffer);
  const application = view.getUint32(68);
  const version = view.getUint32(60);
  // When both are 0, the first transaction is still in the WAL or was never made.
  if (application === 0 && version === 0) return await hasWal(path) ? { size: info.size } : "new";
  if (application !== APPLICATION_ID) {
    throw dbError(path, "it is the database of another program", "use another root");
  }
  checkSchema(path, version);
  return { size: info.size };
}

async function createDatabase(paths: Paths): Promise<Database> {
  const path = paths.database;
  for (const directory of [paths.layers, paths.snapshots]) {
    if ((await namesIn(directory)).length > 0 && await judgeFile(path) === "new") {
      throw dbError(path, `it is missing or empty, but ${directory} is not`, DAMAGED_HINT);
    }
  }
  // SQLite gives its other files the mode of the database.
  const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
  file.close();
  await keepPrivate(path);
  const db = new Database(path);
  try {
    const tables = db.get<{ n: number }>("SELECT count(*) AS n FROM sqlite_schema")?.n ?? 0;
    if (tables > 0 && schemaOf(db) === 0) {
      throw dbError(path, "it is the database of another program", "use another root");
    }
    prepareForWriting(db, path);
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Opens a database on a read-only file system. Of one of an older schema, a copy in memory is brought up to date. */
function openForReading(path: string): Database {
  const db = connectForReading(path);
  let version: number;
  try {
    version = schemaOf(db);
    checkSchema(path, version);
    if (version === SCHEMA_VERSION) return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
  db[Symbol.dispose]();
  try {
    return openCopy(path, true);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code === "E_BUSY") throw error;
    // The log of a process that died cannot be read here. The database is not damaged.
    throw new VarveError("E_DB", `Cannot open ${path}: its schema is ${version}`, {
      subject: path,
      actual: version,
      hint: "mount the store writable once",
    }, { cause: error });
  }
}

/**
 * Connects to a database on a read-only file system. If the files that SQLite makes beside a database
 * exist, the database is opened read-only in the usual way. If they do not, SQLite can only read it as
 * immutable.
 *
 * @throws {VarveError} `E_DENIED` it can only be read as immutable, and Deno does not have all permissions
 */
function connectForReading(path: string): Database {
  try {
    return connected(path, { readOnly: true });
  } catch (error) {
    if (!isCannotOpen(error)) throw error;
  }
  try {
    return connected(path, { immutable: true });
  } catch (error) {
    if (!isCannotOpen(error)) throw error;
    // Without all permissions, Deno takes the URL that says "immutable" as a path.
    throw new VarveError(
      "E_DENIED",
      `Cannot open ${path}: Deno needs all permissions to open a database on a read-only file system`,
      { subject: path, hint: "run Deno with -A, or mount the store writable" },
      { cause: error },
    );
  }
}

/** Opens a database and reads from it: SQLite reads nothing, and does not fail, before the first query. */
function connected(path: string, options: DatabaseOptions): Database {
  const db = new Database(path, options);
  try {
    schemaOf(db);
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/**
 * Lets SQLite check every page.
 *
 * If there is a WAL, the database is opened for reading only, because closing a connection that may
 * write would write the WAL into the database. If there is none, the database is opened for writing,
 * because closing such a connection then writes nothing and removes the files that SQLite made beside
 * the database.
 */
async function quickCheck(path: string): Promise<void> {
  using db = new Database(path, { readOnly: await hasWal(path) });
  checkPages(db, path);
}

function checkPages(db: Database, path: string): void {
  const result = db.get<{ quick_check: string }>("PRAGMA quick_check(1)")?.quick_check;
  if (result !== "ok") throw dbError(path, `it is damaged (${result})`, DAMAGED_HINT);
}

async function hasWal(path: string): Promise<boolean> {
  return ((await lstatOrNothing(`${path}-wal`))?.size ?? 0) > 0;
}

/** Gives the database's files the mode 0600 again, if it was changed. */
async function keepPrivate(path: string): Promise<void> {
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = (await lstatOrNothing(name))?.mode;
    if (typeof mode === "number" && (mode & 0o7777) !== 0o600) await Deno.chmod(name, 0o600);
  }
}

function dbError(path: string, state: string, hint: string): VarveError {
  return new VarveError("E_DB", `Cannot open ${path}: ${state}`, { subject: path, hint });
}
