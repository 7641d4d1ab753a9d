import type { SnapshotRow } from "../../records.ts";
import type { Database } from "../database/database.ts";
import { fromMap } from "../database/records.ts";
import type { LayerMarker } from "../markers/marker_format.ts";

/**
 * Writes the rows of a layer that its marker records, inside a transaction. Rows that are there stay.
 *
 * A marker of version 1 does not say whether the padding of the tar is dirty: it counts as dirty, which is slower and
 * never wrong.
 *
 * @param verifiedAt when the bytes were verified; 0 when they are damaged
 */
export function insertLayer(db: Database, marker: LayerMarker, verifiedAt: number): void {
  db.run(
    `INSERT OR IGNORE INTO layer (diff_id, size, cache_id, tree_digest, tree_size, entries, dirty_padding,
       verified_at, seq, tree_sum)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT value FROM state WHERE key = 'seq'), ?)`,
    marker.diffID,
    marker.size,
    marker.id,
    marker.treeDigest,
    marker.treeSize,
    marker.entries,
    marker.dirtyPadding ?? true ? 1 : 0,
    verifiedAt,
    marker.treeSum ?? null,
  );
  for (const { digest } of marker.blobs ?? []) {
    db.run("INSERT OR REPLACE INTO layer_blob VALUES (?, ?)", digest, marker.diffID);
  }
  for (const name of marker.names ?? []) {
    db.run("INSERT OR REPLACE INTO layer_name VALUES (?, ?)", name, marker.diffID);
  }
}

/** Writes the row of a snapshot, inside a transaction. Its usage is not known. */
export function insertSnapshot(
  db: Database,
  row: Omit<SnapshotRow, "updatedAt" | "usage">,
): void {
  db.run(
    `INSERT INTO snapshot (key, kind, parent, cache_id, diff_id, labels, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    row.key,
    row.kind,
    row.parent,
    row.cacheId,
    row.diffId,
    fromMap(row.labels),
    row.createdAt,
    row.createdAt,
  );
}
