import type { Snapshots, SnapshotTable } from "../../contract.ts";
import type { SnapshotRow } from "../../records.ts";
import { checkName } from "../../rules.ts";
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

const LIST = `SELECT ${SNAPSHOT_COLUMNS} FROM snapshot ORDER BY key`;

/** The snapshot rows of a disk store. */
export class DiskSnapshots implements Snapshots {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  transact<T>(fn: (table: SnapshotTable) => T): T {
    return freeingTransaction(this.#disk, "change snapshots", () => fn(tableOf(this.#disk.db)));
  }

  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T {
    return this.#disk.db.read(() => fn(tableOf(this.#disk.db)));
  }
}

function tableOf(db: Database): SnapshotTable {
  return {
    get: (key) => {
      const row = db.get<SnapshotTableRow>("SELECT * FROM snapshot WHERE key = ?", key);
      return row === undefined ? undefined : toSnapshot(row);
    },
    list: () => db.arrays<SnapshotValues>(LIST).map(toSnapshotOf),
    hasChildren: (name) =>
      db.get("SELECT 1 FROM snapshot WHERE parent = ? LIMIT 1", name) !== undefined,
    put: (row) => put(db, row),
    delete: (key) => void db.run("DELETE FROM snapshot WHERE key = ?", key),
  };
}

function put(db: Database, row: SnapshotRow): void {
  checkName("snapshot key", row.key);
  db.run(
    "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
  );
}
