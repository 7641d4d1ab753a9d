import type { SnapshotRow, SnapshotScope } from "../../records.ts";
import { checkName } from "../../rules.ts";
import { SNAPSHOT_REF_LABEL, type Snapshots, type SnapshotTable } from "../../snapshot_table.ts";
import { type Disk, freeingTransaction } from "../context.ts";
import type { Database } from "./database.ts";
import {
  fromMap,
  SNAPSHOT_COLUMNS,
  type SnapshotTableRow,
  type SnapshotValues,
  toSnapshot,
  toSnapshotOf,
} from "./records.ts";

const SELECT = `SELECT ${SNAPSHOT_COLUMNS} FROM snapshot`;

/** The snapshot rows of a disk store, of one scope. */
export class DiskSnapshots implements Snapshots {
  readonly scope: SnapshotScope;
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk, scope: SnapshotScope = "") {
    this.#disk = disk;
    this.scope = scope;
  }

  transact<T>(fn: (table: SnapshotTable) => T): T {
    const table = tableOf(this.#disk.db, this.scope);
    return freeingTransaction(this.#disk, "change snapshots", () => fn(table));
  }

  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T {
    return this.#disk.db.read(() => fn(tableOf(this.#disk.db, this.scope)));
  }

  in(scope: SnapshotScope): Snapshots {
    return scope === this.scope ? this : new DiskSnapshots(this.#disk, scope);
  }

  all(): SnapshotRow[] {
    const { db } = this.#disk;
    return db.arrays<SnapshotValues>(`${SELECT} ORDER BY scope, key`).map(toSnapshotOf);
  }
}

function tableOf(db: Database, scope: SnapshotScope): SnapshotTable {
  // Without INDEXED BY, SQLite reads all rows of the scope, which are in the order that is asked for.
  const some = (index: string, where: string, ...values: string[]): SnapshotRow[] => {
    const sql = `${SELECT} INDEXED BY ${index} WHERE scope = ? AND ${where} ORDER BY key`;
    return db.all<SnapshotTableRow>(sql, scope, ...values).map(toSnapshot);
  };
  return {
    scope,
    get: (key) => {
      const sql = `${SELECT} WHERE scope = ? AND key = ?`;
      const row = db.get<SnapshotTableRow>(sql, scope, key);
      return row === undefined ? undefined : toSnapshot(row);
    },
    list: () =>
      db.arrays<SnapshotValues>(`${SELECT} WHERE scope = ? ORDER BY key`, scope).map(toSnapshotOf),
    hasChildren: (name) => {
      const sql = "SELECT 1 FROM snapshot WHERE scope = ? AND parent = ? LIMIT 1";
      return db.get(sql, scope, name) !== undefined;
    },
    children: (parent) =>
      parent === null
        ? some("snapshot_parent", "parent IS NULL")
        : some("snapshot_parent", "parent = ?", parent),
    usedParents: () => {
      const sql = `SELECT DISTINCT parent FROM snapshot INDEXED BY snapshot_use
        WHERE scope = ? AND kind <> 'committed' AND instr(labels, '["varve.released",') = 0`;
      return db.all<{ parent: string | null }>(sql, scope).map(({ parent }) => parent);
    },
    byCacheId: (cacheId) => {
      const sql = `${SELECT} WHERE cache_id = ? AND scope = ?`;
      const row = db.get<SnapshotTableRow>(sql, cacheId, scope);
      return row === undefined ? undefined : toSnapshot(row);
    },
    countUsed: (parent, limit) => {
      const sql =
        `SELECT count(*) AS n FROM (SELECT 1 FROM snapshot INDEXED BY snapshot_use WHERE scope = ?
        AND parent IS ? AND kind <> 'committed' AND instr(labels, '["varve.released",') = 0 LIMIT ?)`;
      return db.get<{ n: number }>(sql, scope, parent, limit)?.n ?? 0;
    },
    countKinds: () => {
      const counts = { active: 0, view: 0, committed: 0 };
      const sql = "SELECT kind, count(*) AS n FROM snapshot WHERE scope = ? GROUP BY kind";
      type Counted = { readonly kind: keyof typeof counts; readonly n: number };
      for (const { kind, n } of db.all<Counted>(sql, scope)) counts[kind] = n;
      return counts;
    },
    byRef: (ref) => some("snapshot_ref", "ref = ?", ref),
    byKind: (kind) => some("snapshot_kind", "kind = ?", kind),
    byLabel: (key, value) => {
      // Quotes in a key or a value are escaped, so this text can only be a label.
      const pair = value === undefined ? `[${JSON.stringify(key)},` : JSON.stringify([key, value]);
      const sql = `${SELECT} WHERE scope = ? AND instr(labels, ?) > 0 ORDER BY key`;
      return db.arrays<SnapshotValues>(sql, scope, pair).map(toSnapshotOf);
    },
    put: (row) => {
      checkName("snapshot key", row.key);
      insertSnapshot(db, { ...row, scope }, "INSERT OR REPLACE");
    },
    delete: (key) => void db.run("DELETE FROM snapshot WHERE scope = ? AND key = ?", scope, key),
  };
}

/** Writes the row of a snapshot, inside a transaction. */
export function insertSnapshot(
  db: Database,
  row: SnapshotRow,
  verb: "INSERT" | "INSERT OR REPLACE" = "INSERT",
): void {
  db.run(
    `${verb} INTO snapshot (${SNAPSHOT_COLUMNS}, ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.scope,
    row.key,
    row.kind,
    row.parent,
    row.cacheId,
    row.diffId,
    fromMap(row.labels),
    row.createdAt,
    row.updatedAt,
    row.usage?.size ?? null,
    row.usage?.inodes ?? null,
    row.labels[SNAPSHOT_REF_LABEL] ?? null,
  );
}
