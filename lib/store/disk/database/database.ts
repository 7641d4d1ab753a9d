import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { VarveError } from "../../../errors.ts";
import { databaseError } from "./database_error.ts";

/** How long a statement waits for another process's transaction, in ms. */
const BUSY_TIMEOUT = 10_000;

/** How a database file is opened. */
export interface DatabaseOptions {
  /** Nothing is written, but for the files beside it that SQLite reads a WAL with. */
  readonly readOnly?: boolean | undefined;
  /** Nobody writes: no locks, no files beside it (read-only file systems, and a look before the first write). */
  readonly immutable?: boolean | undefined;
}

/**
 * One connection to a database: statements prepared once, transactions, errors mapped.
 *
 * Errors: `E_BUSY`, `E_SYSCALL` (`ENOSPC`, `EIO`, `EROFS`), `E_DB` when the file is damaged.
 */
export class Database implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #open = true;
  /** A transaction failed and could not be rolled back yet. */
  #stuck = false;

  /** Opens a file. */
  constructor(path: string, options: DatabaseOptions = {}) {
    const { readOnly = false, immutable = false } = options;
    this.#db = this.#guard(`open database ${path}`, () => {
      if (!immutable) return new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT });
      const url = new URL("file:///");
      url.pathname = path.split("/").map(encodeURIComponent).join("/");
      url.searchParams.set("immutable", "1");
      return new DatabaseSync(url, { readOnly: true });
    });
  }

  /** All rows of a query. */
  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#guard("read the database", () => this.#prepare(sql).all(...values)) as T[];
  }

  /** The first row of a query. */
  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#guard("read the database", () => this.#prepare(sql).get(...values)) as
      | T
      | undefined;
  }

  /** Runs a statement; tells how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(
      "write the database",
      () => Number(this.#prepare(sql).run(...values).changes),
    );
  }

  /** Runs `fn` in one transaction that can write from its beginning: all of it or, when it throws, nothing. */
  transact<T>(fn: () => T): T {
    return this.#transaction("BEGIN IMMEDIATE", fn);
  }

  /** Runs `fn` in one view that does not change: a view of its own, or the transaction that runs. */
  read<T>(fn: () => T): T {
    if (this.#open && !this.#stuck && this.#db.isTransaction) return fn();
    return this.#transaction("BEGIN DEFERRED", fn);
  }

  /** Closes the connection; again is nothing. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    this.#db.close();
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

  /** SQLite has rolled back by itself after some errors (disk full, I/O). */
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
      throw databaseError(error, action);
    }
  }
}
