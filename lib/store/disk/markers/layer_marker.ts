import type { DiffId, Digest } from "../../../digest/mod.ts";
import { PLAIN_LAYER } from "../../rules.ts";
import { blobRow, layerRow } from "../content.ts";
import { type Disk, takeLock } from "../context.ts";
import { isLayerWhole } from "../damage.ts";
import type { LayerRow } from "../database/records.ts";
import { markerLock } from "../ingest_names.ts";
import type { FileLock } from "../lock.ts";
import type { LayerMarker, MarkedBlob } from "./marker_format.ts";
import type { DiskPlan, StagedFiles } from "../staged.ts";

/**
 * Locks the markers that a commit will write, in an order that all commits share. Otherwise two
 * commits that prove two blobs of one layer would each write a marker without the other's blob.
 */
export async function lockMarkers(disk: Disk, plan: DiskPlan): Promise<FileLock[]> {
  const locks: FileLock[] = [];
  try {
    const changed = [...layersOf(plan)].filter((id) => changesMarker(disk, plan, id));
    for (const path of new Set(changed.map((id) => markerLock(disk.paths, id)).sort())) {
      locks.push(await takeLock(disk, path, { what: "changes layers" }));
    }
    return locks;
  } catch (error) {
    await unlockMarkers(disk, locks);
    throw error;
  }
}

/** Frees what {@linkcode lockMarkers} locked. */
export async function unlockMarkers(disk: Disk, locks: readonly FileLock[]): Promise<void> {
  for (const lock of locks.toReversed()) await disk.owner.tidy(() => lock.remove());
}

/**
 * The intact layers of the store of which a plan proves something that their markers do not say
 * yet. A layer that the plan brings gets its marker with its files.
 */
export function layersToMark(disk: Disk, plan: DiskPlan): LayerRow[] {
  const rows = [...layersOf(plan)].map((diffId) => layerRow(disk, diffId));
  return rows.filter((row): row is LayerRow =>
    row !== undefined && isLayerWhole(disk, row) && provesMore(disk, plan, row.diff_id as DiffId)
  );
}

/** The marker of a layer that a plan brings. */
export function stagedMarker(
  disk: Disk,
  plan: DiskPlan,
  cacheId: number,
  layer: StagedFiles,
): LayerMarker {
  const { diffId, size, treeDigest, treeSize, treeSum, entries, dirtyPadding } = layer;
  return {
    id: cacheId,
    kind: "layer",
    diffID: diffId,
    size,
    treeDigest,
    treeSize,
    treeSum,
    entries,
    dirtyPadding,
    ...proofs(disk, plan, diffId, size),
  };
}

/** The marker of a layer of the store: what its rows say, and what a plan proves. */
export function committedMarker(disk: Disk, plan: DiskPlan, row: LayerRow): LayerMarker {
  return {
    id: row.cache_id,
    kind: "layer",
    diffID: row.diff_id,
    size: row.size,
    treeDigest: row.tree_digest,
    treeSize: row.tree_size,
    treeSum: row.tree_sum ?? undefined,
    entries: row.entries,
    dirtyPadding: row.dirty_padding !== 0,
    ...proofs(disk, plan, row.diff_id as DiffId, row.size),
  };
}

function layersOf(plan: DiskPlan): Set<DiffId> {
  return new Set([...plan.layers.map(({ diffId }) => diffId), ...plan.plain]);
}

function changesMarker(disk: Disk, plan: DiskPlan, diffId: DiffId): boolean {
  const row = layerRow(disk, diffId);
  return row === undefined || !isLayerWhole(disk, row) || provesMore(disk, plan, diffId);
}

/** Whether a plan proves a blob or a name of a layer that has no row yet. */
function provesMore(disk: Disk, plan: DiskPlan, diffId: DiffId): boolean {
  const { db } = disk;
  const has = (sql: string, name: Digest) => db.get(sql, name, diffId) !== undefined;
  const blob = "SELECT 1 FROM layer_blob WHERE digest = ? AND diff_id = ?";
  const name = "SELECT 1 FROM layer_name WHERE name = ? AND diff_id = ?";
  if (plan.plain.has(diffId) && !has(blob, diffId)) return true;
  return plan.layers.some((layer) =>
    layer.diffId === diffId && (!has(blob, layer.digest) ||
      (layer.otherDiffId !== undefined && !has(name, layer.otherDiffId)))
  );
}

/** What is proved of a layer, by rows and by a plan, sorted. */
function proofs(
  disk: Disk,
  plan: DiskPlan,
  diffId: DiffId,
  size: number,
): Required<Pick<LayerMarker, "names" | "blobs">> {
  const names = new Set(
    disk.db.all<{ name: string }>("SELECT name FROM layer_name WHERE diff_id = ?", diffId)
      .map(({ name }) => name),
  );
  const blobs = new Map<string, MarkedBlob>();
  const rows = disk.db.all<{ digest: string }>(
    "SELECT digest FROM layer_blob WHERE diff_id = ?",
    diffId,
  );
  const addRow = (digest: Digest) => {
    const row = blobRow(disk, digest);
    if (row === undefined) return;
    blobs.set(digest, { digest, size: row.size, mediaType: row.media_type });
  };
  for (const { digest } of rows) addRow(digest as Digest);
  for (const layer of plan.layers) {
    if (layer.diffId !== diffId) continue;
    addRow(layer.digest);
    if (layer.blob !== null) {
      const { digest, size, mediaType } = layer.blob;
      if (!blobs.has(digest)) blobs.set(digest, { digest, size, mediaType });
    }
    if (layer.otherDiffId !== undefined) names.add(layer.otherDiffId);
  }
  if (plan.plain.has(diffId) && !blobs.has(diffId)) {
    blobs.set(diffId, { digest: diffId, size, mediaType: PLAIN_LAYER });
  }
  const byDigest = [...blobs.values()].sort((a, b) => a.digest < b.digest ? -1 : 1);
  return { names: [...names].sort(), blobs: byDigest };
}
