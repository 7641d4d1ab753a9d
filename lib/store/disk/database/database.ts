import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { VarveError } from "../../../errors.ts";
import { copyDatabase } from "./copy.ts";
import { databaseError } from "./database_error.ts";

/** Maximum time in ms that a statement waits for the transaction of another process. */
const BUSY_TIMEOUT = 10_000;

/** Options for opening a database. */
export interface DatabaseOptions {
  /**
   * Whether the database is only read. SQLite still makes files beside the database, to read the
   * WAL.
   */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether no process can write to the database, as on a read-only file system. SQLite then needs
   * no locks and makes no files beside the database. Deno needs all permissions (`-A`) to open a
   * database as immutable.
   */
  readonly immutable?: boolean | undefined;
  /**
   * Whether to work on a copy in memory, for a disk that is full. {@linkcode Database.connect} goes over to the file.
   */
  readonly copy?: boolean | undefined;
}

/** Number of connections to each file, by its path. */
const opened = new Map<string, number>();

/** A method of node:sqlite that the types of Deno do not know yet. */
interface ReturnsArrays {
  setReturnArrays(enabled: boolean): void;
}

/**
 * One connection to a database: it prepares each statement once, runs transactions and maps errors.
 *
 * Every method can throw these errors: `E_PRECONDITION` when the connection is closed, `E_BUSY` when another process
 * holds the database for too long, `E_SYSCALL` (`ENOSPC`, `EIO`, `EROFS`) when the kernel refuses, and `E_DB` when the
 * file is damaged.
 */
export class Database implements Disposable {
  #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #open = true;
  /** Whether a transaction failed and could not be rolled back yet. */
  #stuck = false;
  #isCopy: boolean;
  readonly #path: string;

  /** Opens the database at a path. */
  constructor(path: string, options: DatabaseOptions = {}) {
    this.#path = path;
    this.#isCopy = options.copy ?? false;
    this.#db = this.#guard(`open database ${path}`, () => connection(path, options));
    if (!this.#isCopy) opened.set(path, (opened.get(path) ?? 0) + 1);
  }

  /** Whether this program has a connection to the file at a path. Other threads are not counted. */
  static isOpenHere(path: string): boolean {
    return opened.has(path);
  }

  /** Whether this is a copy in memory. What is written to it is lost. */
  get isCopy(): boolean {
    return this.#isCopy;
  }

  /** Goes over from a copy in memory to the file, and keeps the copy if that fails. */
  connect(prepare: (db: Database) => void): void {
    const db = new Database(this.#path);
    try {
      prepare(db);
    } catch (error) {
      db[Symbol.dispose]();
      throw error;
    }
    this.#statements.clear();
    this.#db.close();
    this.#db = db.#db;
    this.#isCopy = false;
  }

  /** All rows of a query. */
  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#guard("read the database", () => this.#prepare(sql).all(...values)) as T[];
  }

  /** All rows of a query, as arrays of their values: for many rows this takes a third of the time. */
  arrays<T extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#guard("read the database", () => {
      // Not kept: this statement gives arrays, others objects.
      const statement = this.#db.prepare(sql) as StatementSync & ReturnsArrays;
      statement.setReturnArrays(true);
      return statement.all(...values) as unknown as T[];
    });
  }

  /** The first row of a query, or `undefined`. */
  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#guard("read the database", () => this.#prepare(sql).get(...values)) as
      | T
      | undefined;
  }

  /** Runs a statement; returns the number of rows that it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(
      "write the database",
      () => Number(this.#prepare(sql).run(...values).changes),
    );
  }

  /**
   * Runs `fn` in one transaction, which holds the write lock from its beginning. If `fn` throws,
   * all of its changes are rolled back.
   */
  transact<T>(fn: () => T): T {
    return this.#transaction("BEGIN IMMEDIATE", fn);
  }

  /**
   * Runs `fn` in a read transaction, or in the transaction that is running, so that all its queries
   * see the same state of the rows.
   */
  read<T>(fn: () => T): T {
    if (this.#open && !this.#stuck && this.#db.isTransaction) return fn();
    return this.#transaction("BEGIN DEFERRED", fn);
  }

  /** Closes the connection. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    this.#db.close();
    if (this.#isCopy) return;
    const left = (opened.get(this.#path) ?? 1) - 1;
    if (left > 0) opened.set(this.#path, left);
    else opened.delete(this.#path);
  }

  #transaction<T>(begin: string, fn: () => T): T {
    if (this.#stuck && this.#db.isTransaction) this.run("ROLLBACK");
    this.#stuck = false;
    if (this.#open && this.#db.isTransaction) {
      throw new TypeError("Cannot begin a transaction inside another");
    }
    this.run(begin);
    try {
      const result = fn();
      if (result instanceof Promise) {
        throw new TypeError("Cannot commit a transaction: its function is asynchronous");
      }
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /**
   * Rolls back, unless SQLite has rolled back itself, as it does after a full disk or an I/O error.
   */
  #rollBack(): void {
    if (!this.#db.isTransaction) return;
    try {
      this.run("ROLLBACK");
    } catch {
      this.#stuck = true;
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(action: string, fn: () => T): T {
    if (!this.#open) {
      throw new VarveError("E_PRECONDITION", `Cannot ${action}: the store is closed`);
    }
    try {
      return fn();
    } catch (error) {
      throw databaseError(error, action, this.#path);
    }
  }
}

function connection(path: string, options: DatabaseOptions): DatabaseSync {
  const { readOnly = false, immutable = false, copy = false } = options;
  if (copy) return copied(path);
  if (!immutable) return new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT });
  const url = new URL("file:///");
  url.pathname = path.split("/").map(encodeURIComponent).join("/");
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly: true });
}

function copied(path: string): DatabaseSync {
  const bytes = copyDatabase(path, Database.isOpenHere(path));
  if (bytes === undefined) {
    throw new VarveError("E_BUSY", `Cannot open database ${path}: other processes keep using it`, {
      hint: "another process is using the database; try again",
    });
  }
  const db = new DatabaseSync(":memory:");
  db.deserialize(bytes);
  return db;
}
