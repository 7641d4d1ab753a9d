import type { SnapshotRow } from "../../records.ts";
import type { Database } from "../database/database.ts";
import type { LayerMarker, SnapshotMarker } from "../markers/marker_format.ts";
import { RELEASED_LABEL } from "../names.ts";

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
  insertProofs(db, marker);
}

/** Writes the rows of the blobs and names that a marker records as proved of its layer, inside a transaction. */
export function insertProofs(db: Database, marker: LayerMarker): void {
  for (const { digest } of marker.blobs ?? []) {
    db.run("INSERT OR REPLACE INTO layer_blob VALUES (?, ?)", digest, marker.diffID);
  }
  for (const name of marker.names ?? []) {
    db.run("INSERT OR REPLACE INTO layer_name VALUES (?, ?)", name, marker.diffID);
  }
}

/**
 * The row that a marker records, of a snapshot with a directory. Its usage is not known. A marker of version 1 does not
 * say enough: then there is none.
 *
 * A marker does not say whether the mounts of the snapshot are in use. One of the user's counts as released: else its
 * lower would stay mounted, and its caches kept, until somebody mounts and unmounts it. The next mount makes its lower
 * again, and a lower that an overlay uses stays alive in the kernel. containerd may use what it was given once.
 *
 * @param now for what an old marker does not say, in microseconds since the epoch
 */
export function markedSnapshot(marker: SnapshotMarker, now: number): SnapshotRow | undefined {
  const { id, scope = "", key, use, parent = null, diffID = null, labels = {} } = marker;
  const { createdAt = now, updatedAt = createdAt } = marker;
  if (use === undefined) return undefined;
  const isReleased = scope === "" && use !== "committed";
  const state = isReleased ? { ...labels, [RELEASED_LABEL]: "1" } : labels;
  const row = { scope, key, kind: use, parent, cacheId: id, diffId: diffID, labels: state };
  return { ...row, createdAt, updatedAt, usage: null };
}
