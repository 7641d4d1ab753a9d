import type { DiffId, Digest } from "../../digest/mod.ts";
import { guarded } from "../../linux/mod.ts";
import type { IngestResult } from "../contract.ts";
import type { ImageRecord, LayerRecord } from "../records.ts";
import { namelessImage, PLAIN_LAYER } from "../rules.ts";
import { layerRow, namedLayerRow } from "./content.ts";
import { allocateCacheIds } from "./cache_ids.ts";
import { countUp, type Disk, setState, shareStoreLock } from "./context.ts";
import { isLayerWhole, raise, removedMeanwhile } from "./damage.ts";
import { type LayerRow, toLayer } from "./database/records.ts";
import { insertChain, putImage } from "./database/rows.ts";
import type { IngestHolds } from "./gc/holds.ts";
import {
  committedMarker,
  layersToMark,
  lockMarkers,
  stagedMarker,
  unlockMarkers,
} from "./markers/layer_marker.ts";
import { refreshIndex } from "./layout_index.ts";
import { writeMarker } from "./markers/marker.ts";
import { LAYER_FILES, MARKER } from "./names.ts";
import { type Part, readParts, writeParts } from "./parts/parts.ts";
import { placeAll, type Placed, undo } from "./place.ts";
import { leaveWitness } from "./recovery/witness.ts";
import type { DiskPlan, NumberedLayer, StagedFile, StagedMarker } from "./staged.ts";

/** What a commit needs of its ingest. */
interface PlanningIngest {
  /** Returns a new path in the ingest's directory. */
  readonly fresh: () => string;
  /** What the ingest found present. */
  readonly holds: IngestHolds;
}

/**
 * Makes a whole plan visible. If it throws, nothing becomes visible.
 *
 * Durability depends on the order. First, staged files and directories are synced. Then they are
 * renamed to their final names. Then the directories with the new names are synced. Then one
 * transaction writes the rows. `index.json` is derived from the rows and comes last.
 */
export async function commitPlan(
  disk: Disk,
  plan: DiskPlan,
  ingest: PlanningIngest,
): Promise<IngestResult> {
  const changes = plan.layers.length + plan.blobs.length + plan.plain.size +
    plan.images.length + plan.chains.length;
  if (changes === 0) return { images: [], layers: recordsOf(disk, plan) };
  const { result, unused } = await guarded("commit an ingest", async () => {
    const locks = await lockMarkers(disk, plan);
    try {
      return await place(disk, plan, ingest);
    } finally {
      await unlockMarkers(disk, locks);
    }
  });
  if (unused.length > 0) await undo(disk, { layers: unused, blobs: [], replaced: new Set() });
  if (plan.images.length > 0) refreshIndex(disk);
  return result;
}

/** Moves everything to its final name and writes the rows. */
async function place(
  disk: Disk,
  plan: DiskPlan,
  { fresh, holds }: PlanningIngest,
): Promise<{ readonly result: IngestResult; readonly unused: NumberedLayer[] }> {
  const { layers, markers } = await number(disk, plan, fresh);
  // A sweep takes the lock exclusively. It must not see a file that has its final name but no row
  // yet.
  using lock = await shareStoreLock(disk);
  const blobs = [...blobsOf(plan), ...await plainBlobs(disk, plan, fresh)];
  const placed: Placed = { layers: [], blobs: [], replaced: new Set() };
  try {
    await placeAll(disk, { layers, blobs, markers }, placed);
    const parts = partsOf(disk, plan, placed);
    const recorded = disk.db.transact(() => {
      holds.check();
      return record(disk, plan, placed, parts);
    });
    leaveWitness(disk);
    return recorded;
  } catch (error) {
    lock.release();
    await undo(disk, placed);
    throw error;
  }
}

/** What each new blob names. What cannot be read is noted later. */
function partsOf(disk: Disk, plan: DiskPlan, { blobs }: Placed): PartsByBlob {
  const layers = new Set<Digest>([...plan.plain, ...plan.layers.map(({ digest }) => digest)]);
  return new Map(
    blobs.map((blob) => [blob.digest, layers.has(blob.digest) ? [] : readParts(disk, blob)]),
  );
}

type PartsByBlob = ReadonlyMap<Digest, readonly Part[] | undefined>;

/**
 * Gives new layers their cache ids and markers, writes the markers of other layers of which more is
 * proved now, and syncs everything that is staged.
 */
async function number(
  disk: Disk,
  plan: DiskPlan,
  fresh: () => string,
): Promise<{ readonly layers: NumberedLayer[]; readonly markers: StagedMarker[] }> {
  const added = plan.layers.filter(({ diffId }) => layerRow(disk, diffId) === undefined);
  let next = added.length === 0 ? 0 : await allocateCacheIds(disk, added.length);
  const layers: NumberedLayer[] = [];
  const paths: string[] = [];
  for (const staged of plan.layers) {
    const row = layerRow(disk, staged.diffId);
    if (row !== undefined && isLayerWhole(disk, row)) {
      layers.push({ ...staged, cacheId: row.cache_id });
      continue;
    }
    const { directory } = staged;
    const cacheId = row?.cache_id ?? next++;
    const marker = `${directory}/${MARKER}`;
    await writeMarker(marker, stagedMarker(disk, plan, cacheId, staged));
    const files = [LAYER_FILES.tar, LAYER_FILES.tree].map((name) => `${directory}/${name}`);
    paths.push(...files, marker, directory);
    layers.push({ ...staged, cacheId });
  }
  const markers: StagedMarker[] = [];
  for (const row of layersToMark(disk, plan)) {
    const path = fresh();
    await writeMarker(path, committedMarker(disk, plan, row));
    paths.push(path);
    markers.push({ path, diffId: row.diff_id as DiffId, cacheId: row.cache_id });
  }
  for (const { path } of blobsOf(plan)) paths.push(path);
  await disk.syncer.each(paths);
  return { layers, markers };
}

function blobsOf(plan: DiskPlan): StagedFile[] {
  return [...plan.layers.flatMap(({ blob }) => blob === null ? [] : [blob]), ...plan.blobs];
}

/**
 * Stages a hard link to each layer tar that is also wanted as a blob. The data of the tar is synced
 * with the layer, or was synced when the layer came in.
 */
async function plainBlobs(
  disk: Disk,
  plan: DiskPlan,
  fresh: () => string,
): Promise<StagedFile[]> {
  const staged = new Set(blobsOf(plan).map((blob) => blob.digest));
  const blobs: StagedFile[] = [];
  for (const diffId of plan.plain) {
    const home = homeOf(disk, plan, diffId);
    if (home === undefined || staged.has(diffId)) continue;
    const path = fresh();
    await Deno.link(`${home.directory}/${LAYER_FILES.tar}`, path);
    blobs.push({ digest: diffId, size: home.size, mediaType: PLAIN_LAYER, path });
  }
  return blobs;
}

/** Directory and size of a layer, staged or committed. */
function homeOf(
  disk: Disk,
  plan: DiskPlan,
  diffId: DiffId,
): { readonly directory: string; readonly size: number } | undefined {
  const made = plan.layers.find((layer) => layer.diffId === diffId);
  if (made !== undefined) return made;
  const row = layerRow(disk, diffId);
  return row === undefined
    ? undefined
    : { directory: disk.paths.layer(row.cache_id), size: row.size };
}

/** Writes the rows of everything that was placed; runs inside a transaction. */
function record(
  disk: Disk,
  plan: DiskPlan,
  placed: Placed,
  parts: PartsByBlob,
): { readonly result: IngestResult; readonly unused: NumberedLayer[] } {
  const { db } = disk;
  const now = Date.now();
  const seq = countUp(db, "seq");
  if (disk.syncer.durability === "none") setState(db, "unsynced", 1);
  const unused: NumberedLayer[] = [];
  for (const layer of placed.layers) {
    const row = layerRow(disk, layer.diffId);
    // Another ingest has committed the same layer since this layer got its final name.
    if (row !== undefined && row.cache_id !== layer.cacheId) unused.push(layer);
    else putLayer(disk, layer, now, seq);
    // The blob with the bytes of its tar is a link to that tar now.
    const sql = "UPDATE blob SET verified_at = ? WHERE digest = ? AND verified_at = 0";
    db.run(sql, now, layer.diffId);
  }
  for (const { digest, size, mediaType } of placed.blobs) {
    db.run(
      `INSERT INTO blob (digest, size, media_type, verified_at, seq) VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET
       size = excluded.size, verified_at = excluded.verified_at, seq = excluded.seq,
       media_type = CASE media_type WHEN '' THEN excluded.media_type ELSE media_type END`,
      digest,
      size,
      mediaType,
      now,
      seq,
    );
    const named = parts.get(digest);
    if (named !== undefined) writeParts(db, digest, named);
  }
  // No image names these, such as those of a push with another compression: the next collection looks at everything.
  if (plan.images.length === 0 && placed.blobs.length > 0) countUp(db, "due");
  for (const { digest, diffId, otherDiffId } of plan.layers) {
    db.run("INSERT OR REPLACE INTO layer_blob VALUES (?, ?)", digest, diffId);
    if (otherDiffId === undefined) continue;
    db.run("INSERT OR REPLACE INTO layer_name VALUES (?, ?)", otherDiffId, diffId);
  }
  for (const diffId of plan.plain) {
    db.run("INSERT OR REPLACE INTO layer_blob VALUES (?, ?)", diffId, diffId);
  }
  const layers = recordsOf(disk, plan);
  const identity = (diffId: DiffId) => namedLayerRow(disk, diffId)?.diff_id as DiffId ?? diffId;
  for (const diffIds of plan.chains) insertChain(db, diffIds.map(identity));
  const shown = shownNames(disk, plan);
  const images: ImageRecord[] = plan.images.map(({ name, target, ...options }) =>
    putImage(db, name ?? namelessImage(target.digest), target, options)
  );
  if (shownNames(disk, plan) !== shown) countUp(db, "images");
  return { result: { images, layers }, unused };
}

/** What `index.json` shows of the names of a plan. A commit that leaves it as it is does not write the file again. */
function shownNames({ db }: Disk, { images }: DiskPlan): string {
  const rows = images.flatMap(({ name, target: { digest } }) =>
    [name, null].map((one) =>
      db.get("SELECT digest, target FROM image WHERE name = ?", one ?? namelessImage(digest))
    )
  );
  return JSON.stringify(rows);
}

function putLayer(disk: Disk, layer: NumberedLayer, now: number, seq: number): void {
  disk.db.run(
    `INSERT INTO layer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (diff_id) DO UPDATE SET
     tree_digest = excluded.tree_digest, tree_size = excluded.tree_size, tree_sum = excluded.tree_sum,
     entries = excluded.entries, dirty_padding = excluded.dirty_padding, verified_at = excluded.verified_at, seq = excluded.seq`,
    layer.diffId,
    layer.size,
    layer.cacheId,
    layer.treeDigest,
    layer.treeSize,
    layer.entries,
    layer.dirtyPadding ? 1 : 0,
    now,
    seq,
    layer.treeSum,
  );
}

function recordsOf(disk: Disk, plan: DiskPlan): LayerRecord[] {
  return [...plan.asked].map((diffId) => toLayer(existing(disk, diffId)));
}

function existing(disk: Disk, diffId: DiffId): LayerRow {
  const row = layerRow(disk, diffId);
  return row ?? raise(removedMeanwhile("commit", `layer ${diffId}`));
}
