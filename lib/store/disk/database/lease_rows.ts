import { VarveError } from "../../../errors.ts";
import type { Leases, Settings } from "../../contract.ts";
import type { Lease } from "../../records.ts";
import { checkName, notFound } from "../../rules.ts";
import { checkWritable, type Disk, freeingTransaction } from "../context.ts";
import { fromMap, type LeaseRow, toLease } from "./records.ts";

/** The leases of a disk store. */
export class DiskLeases implements Leases {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  create(lease: Lease): void {
    checkName("lease", lease.id);
    checkWritable(this.#disk, "create a lease");
    const added = this.#disk.db.run(
      "INSERT OR IGNORE INTO lease VALUES (?, ?, ?, ?, ?)",
      lease.id,
      lease.createdAt,
      lease.expiresAt,
      fromMap(lease.labels),
      JSON.stringify(lease.resources),
    );
    if (added === 0) {
      throw new VarveError(
        "E_EXISTS",
        `Cannot create lease ${JSON.stringify(lease.id)}: it exists`,
      );
    }
  }

  get(id: string): Lease | undefined {
    const row = this.#disk.db.get<LeaseRow>("SELECT * FROM lease WHERE id = ?", id);
    return row === undefined ? undefined : toLease(row);
  }

  remove(id: string): void {
    const removed = freeingTransaction(
      this.#disk,
      "end a lease",
      () => this.#disk.db.run("DELETE FROM lease WHERE id = ?", id),
    );
    if (removed === 0) throw notFound("lease", id);
  }

  list(): Lease[] {
    return this.#disk.db.all<LeaseRow>("SELECT * FROM lease ORDER BY id").map(toLease);
  }
}

/** The settings of a disk store. */
export class DiskSettings implements Settings {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get(key: string): string | undefined {
    return this.#disk.db.get<{ value: string }>("SELECT value FROM setting WHERE key = ?", key)
      ?.value;
  }

  set(key: string, value: string | undefined): void {
    checkName("setting", key);
    checkWritable(this.#disk, "change a setting");
    if (value === undefined) this.#disk.db.run("DELETE FROM setting WHERE key = ?", key);
    else this.#disk.db.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", key, value);
  }

  list(): Record<string, string> {
    const out = Object.create(null) as Record<string, string>;
    const rows = this.#disk.db.all<{ key: string; value: string }>(
      "SELECT key, value FROM setting ORDER BY key",
    );
    for (const { key, value } of rows) out[key] = value;
    return out;
  }
}
