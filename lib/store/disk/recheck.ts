import type { DiffId, Digest } from "../../digest/mod.ts";
import { type Disk, setState, stateOf } from "./context.ts";
import { hasSize } from "./damage.ts";
import type { BlobRow, LayerRow } from "./database/records.ts";
import { LAYER_FILES } from "./names.ts";

/**
 * Checks the commits since the last barrier: whether each file exists and has the size that its row
 * says. A layer or blob that fails is noted as damaged, and the next ingest that brings it repairs
 * it. The content is not read; only a deep check does that.
 *
 * The barrier is the last commit that is known to be on the disk.
 */
export async function recheck(disk: Disk): Promise<void> {
  const { db, paths } = disk;
  const barrier = stateOf(db, "barrier");
  const seq = stateOf(db, "seq");
  const whole = new Set<string>([paths.layers, paths.blobs]);
  const damagedLayers: DiffId[] = [];
  const damagedBlobs: Digest[] = [];
  for (const row of db.all<LayerRow>("SELECT * FROM layer WHERE seq > ?", barrier)) {
    const directory = paths.layer(row.cache_id);
    const tar = `${directory}/${LAYER_FILES.tar}`;
    const tree = `${directory}/${LAYER_FILES.tree}`;
    if (hasSize(tar, row.size) && hasSize(tree, row.tree_size)) {
      for (const path of [tar, tree, directory]) whole.add(path);
    } else damagedLayers.push(row.diff_id as DiffId);
  }
  for (const row of db.all<BlobRow>("SELECT * FROM blob WHERE seq > ?", barrier)) {
    const path = paths.blob(row.digest as Digest);
    if (hasSize(path, row.size)) whole.add(path).add(paths.blobDirectory(row.digest as Digest));
    else damagedBlobs.push(row.digest as Digest);
  }
  const full = disk.syncer.durability === "full";
  if (full && stateOf(db, "unsynced") === 1) await disk.syncer.each([...whole]);
  if (damagedLayers.length + damagedBlobs.length === 0 && !full) return;
  db.transact(() => {
    for (const diffId of damagedLayers) {
      db.run("UPDATE layer SET verified_at = 0 WHERE diff_id = ?", diffId);
    }
    for (const digest of damagedBlobs) {
      db.run("UPDATE blob SET verified_at = 0 WHERE digest = ?", digest);
    }
    if (!full || stateOf(db, "seq") !== seq) return;
    setState(db, "barrier", seq);
    setState(db, "unsynced", 0);
  });
}

/**
 * Moves the barrier at a clean end, so that the next start does not check commits that were made
 * with syncs.
 */
export function moveBarrier(disk: Disk): void {
  const { db } = disk;
  db.transact(() => {
    if (stateOf(db, "unsynced") === 0) setState(db, "barrier", stateOf(db, "seq"));
  });
}
