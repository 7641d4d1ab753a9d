import type { DiffId, Digest } from "../../../digest/mod.ts";
import type { Lease } from "../../records.ts";
import type { Thing } from "../../garbage.ts";
import { blobRow } from "../content.ts";
import type { Disk } from "../context.ts";
import { type LeaseRow, toLease } from "../database/records.ts";
import type { RootChange } from "./changes.ts";
import { layersOf, readHolds } from "./holds.ts";
import type { MarkSet } from "./mark_set.ts";
import { COLUMNS, type SnapshotColumns, Snapshots, thingOf, whyRoot } from "./snapshot_roots.ts";

/** Number of rows that are read at once. */
const PAGE = 2000;

/** Why a lease is a root. */
const LEASE = "lease";

/** The form of a resource of a lease. */
const RESOURCE = /^(?:image|snapshot|containerd-snapshot|blob|layer|chain):./;

/** Finds the roots of a store. */
export class Roots {
  readonly #disk: Disk;
  readonly #marks: MarkSet;
  readonly #isLive: (lease: Lease) => boolean;
  readonly #snapshots: Snapshots;

  /** Notes the roots in `marks`. The walk that follows can use what `snapshots` remembers. */
  constructor(
    disk: Disk,
    marks: MarkSet,
    isLive: (lease: Lease) => boolean,
    snapshots: Snapshots = new Snapshots(disk.db),
  ) {
    this.#disk = disk;
    this.#marks = marks;
    this.#isLive = isLive;
    this.#snapshots = snapshots;
  }

  /** All roots. Rows are read in pages, one for each step: another process may write between two pages. */
  *all(): Generator<void> {
    const { db } = this.#disk;
    for (const { name } of db.all<{ name: string }>("SELECT name FROM image ORDER BY name")) {
      this.#marks.root(`image:${name}`, "image name");
    }
    yield;
    const leases = db.all<LeaseRow>("SELECT * FROM lease ORDER BY id").map(toLease)
      .filter(this.#isLive);
    for (const { id } of leases) this.#marks.root(`lease:${id}`, LEASE);
    yield;
    yield* this.#snapshotPages();
    // What roots name comes after all roots, so that the chains of reasons are the shortest.
    for (const lease of leases) this.#resources(lease);
    this.holds();
  }

  *#snapshotPages(): Generator<void> {
    const sql = `SELECT ${COLUMNS} FROM snapshot WHERE (scope, key) > (?, ?)
      ORDER BY scope, key LIMIT ${PAGE}`;
    for (let last = { scope: "", key: "" };;) {
      const rows = this.#disk.db.all<SnapshotColumns>(sql, last.scope, last.key);
      for (const row of rows) this.#snapshot(row);
      yield;
      if (rows.length < PAGE) return;
      last = rows.at(-1) ?? last;
    }
  }

  /** What open ingests hold. */
  holds(): void {
    for (const { ingest, digests } of readHolds(this.#disk.paths)) {
      const root: Thing = `ingest:${ingest}`;
      this.#marks.root(root, "a load, pull or commit that is running");
      for (const digest of digests) this.#held(root, digest);
    }
  }

  /** A root that was added or changed. A lease counts as live. */
  changed({ kind, key }: RootChange): void {
    const { db } = this.#disk;
    if (kind === "image") {
      if (db.get("SELECT 1 FROM image WHERE name = ?", key) === undefined) return;
      this.#marks.root(`image:${key}`, "image name");
    } else if (kind !== "lease") {
      const row = db.get<SnapshotColumns>(
        `SELECT ${COLUMNS} FROM snapshot WHERE scope = ? AND key = ?`,
        kind === "snapshot" ? "" : "containerd",
        key,
      );
      if (row !== undefined) this.#snapshot(row);
    } else {
      const row = db.get<LeaseRow>("SELECT * FROM lease WHERE id = ?", key);
      if (row !== undefined) this.#resources(toLease(row));
    }
  }

  #snapshot(row: SnapshotColumns): void {
    const why = whyRoot(row, this.#snapshots);
    if (why !== undefined) this.#marks.root(thingOf(row), why);
  }

  #resources({ id, resources }: Lease): void {
    this.#marks.root(`lease:${id}`, LEASE);
    for (const resource of resources) {
      if (RESOURCE.test(resource)) {
        this.#marks.reach(resource as Thing, `lease:${id}`, "a resource of it");
      }
    }
  }

  #held(root: Thing, digest: Digest): void {
    const why = "something that it needs";
    if (blobRow(this.#disk, digest) !== undefined) this.#marks.reach(`blob:${digest}`, root, why);
    for (const row of layersOf(this.#disk, digest)) {
      this.#marks.reach(`layer:${row.diff_id as DiffId}`, root, why);
    }
  }
}
