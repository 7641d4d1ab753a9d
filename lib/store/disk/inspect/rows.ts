import type { DiskStore } from "../../disk_store.ts";
import {
  type BlobRow,
  type ChainRow,
  type ImageRow,
  type LayerRow,
  type LeaseRow,
  SNAPSHOT_COLUMNS,
  type SnapshotTableRow,
} from "../database/records.ts";
import { diskOf } from "../store.ts";

/** A row of `image`, with the digest that is recorded beside the target. */
export interface RawImageRow extends ImageRow {
  readonly digest: string;
}

/**
 * All rows of a store as they are in the database, from one moment. Nothing in them is checked: a text may be no
 * digest, and no JSON.
 */
export interface StoreRows {
  readonly blobs: readonly BlobRow[];
  readonly layers: readonly LayerRow[];
  /** Which blob was proved to hold which layer. */
  readonly layerBlobs: readonly { readonly digest: string; readonly diff_id: string }[];
  /** Proved diffIDs of layers in other algorithms than SHA-256. */
  readonly layerNames: readonly { readonly name: string; readonly diff_id: string }[];
  readonly chains: readonly ChainRow[];
  readonly images: readonly RawImageRow[];
  readonly snapshots: readonly SnapshotTableRow[];
  readonly leases: readonly LeaseRow[];
  /** The numbers that the store keeps about itself, such as `next_cache_id`. */
  readonly state: Readonly<Record<string, number>>;
}

/** Reads all rows of a store. @throws {VarveError} `E_DB` the database is damaged */
export function readRows(store: DiskStore): StoreRows {
  const { db } = diskOf(store);
  return db.read(() => ({
    blobs: db.all<BlobRow>("SELECT * FROM blob ORDER BY digest"),
    layers: db.all<LayerRow>("SELECT * FROM layer ORDER BY cache_id"),
    layerBlobs: db.all<StoreRows["layerBlobs"][number]>("SELECT * FROM layer_blob"),
    layerNames: db.all<StoreRows["layerNames"][number]>("SELECT * FROM layer_name"),
    chains: db.all<ChainRow>("SELECT * FROM chain ORDER BY chain_id"),
    images: db.all<RawImageRow>("SELECT * FROM image ORDER BY name"),
    snapshots: db.all<SnapshotTableRow>(
      `SELECT ${SNAPSHOT_COLUMNS} FROM snapshot ORDER BY scope, key`,
    ),
    leases: db.all<LeaseRow>("SELECT * FROM lease ORDER BY id"),
    state: Object.fromEntries(
      db.all<{ key: string; value: number }>("SELECT key, value FROM state")
        .map(({ key, value }) => [key, value]),
    ),
  }));
}

/**
 * Lets SQLite check all pages, indexes and constraints of the database.
 *
 * @returns what it found; empty for a sound database
 */
export function checkPages(store: DiskStore): string[] {
  const { db } = diskOf(store);
  const rows = db.all<{ integrity_check: string }>("PRAGMA integrity_check(20)");
  return rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
}
