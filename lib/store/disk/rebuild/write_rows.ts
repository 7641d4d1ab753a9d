import { type ChainId, type DiffId, isDigest } from "../../../digest/mod.ts";
import { chainId, chainIds } from "../../../layer/mod.ts";
import type { SnapshotRow } from "../../records.ts";
import { setState, stateOf } from "../context.ts";
import type { Database } from "../database/database.ts";
import { type SnapshotTableRow, toSnapshot } from "../database/records.ts";
import { isSnapshotScope } from "../../snapshot_scope.ts";
import { insertSnapshot } from "../database/snapshot_rows.ts";
import { insertLayer, markedSnapshot } from "../inspect/insert_rows.ts";
import type { SnapshotMarker } from "../markers/marker_format.ts";
import { RELEASED_LABEL } from "../names.ts";
import type { Witness } from "../recovery/witness.ts";
import type { Documents } from "./documents.ts";
import type { Gathered } from "./gather.ts";
import { type NamedImage, targetText } from "./index_names.ts";
import type { Salvage } from "./salvage.ts";

/** The largest number of snapshots below each other. Markers may have been tampered with. */
const MAX_DEPTH = 1024;

/** Everything that a rebuild has read. */
export interface Evidence {
  readonly gathered: Gathered;
  readonly documents: Documents;
  readonly images: readonly NamedImage[];
  readonly old: Salvage;
  readonly witness: Witness;
  /** The generation that `index.json` shows. */
  readonly generation: number;
}

/** Writes all rows of a new database, inside a transaction. */
export function writeRows(db: Database, evidence: Evidence, now: number): void {
  const { gathered, old, witness, generation } = evidence;
  setState(db, "seq", Math.max(1, witness.seq, old.state.seq ?? 0));
  setState(db, "barrier", stateOf(db, "seq"));
  setState(db, "images", Math.max(generation, old.state.images ?? 0) + 1);
  const next = Math.max(gathered.lastId + 1, witness.next, old.state.next_cache_id ?? 0);
  setState(db, "next_cache_id", next);
  for (const { marker, isWhole } of gathered.layers) insertLayer(db, marker, isWhole ? now : 0);
  writeBlobs(db, evidence, now);
  writeChains(db, evidence);
  writeImages(db, evidence, now);
  writeSnapshots(db, evidence, now);
  for (const { key, value } of old.settings) {
    db.run("INSERT OR IGNORE INTO setting VALUES (?, ?)", key, value);
  }
  for (const lease of old.leases) {
    if (!isJson(lease.labels) || !isJson(lease.resources)) continue;
    db.run(
      "INSERT OR IGNORE INTO lease (id, created_at, expires_at, labels, resources) VALUES (?, ?, ?, ?, ?)",
      lease.id,
      lease.created_at,
      lease.expires_at,
      lease.labels,
      lease.resources,
    );
  }
}

function writeBlobs(
  db: Database,
  { gathered, documents, images, old }: Evidence,
  now: number,
): void {
  const marked = new Map(
    gathered.layers.flatMap(({ marker }) => marker.blobs ?? []).map((blob) => [blob.digest, blob]),
  );
  const oldTypes = new Map(old.blobs.map((row) => [row.digest, row.media_type]));
  const targets = new Map(images.map(({ target }) => [target.digest as string, target]));
  const put = (digest: string, size: number, verifiedAt: number) =>
    db.run(
      `INSERT OR IGNORE INTO blob (digest, size, media_type, verified_at, seq)
       VALUES (?, ?, ?, ?, (SELECT value FROM state WHERE key = 'seq'))`,
      digest,
      size,
      marked.get(digest)?.mediaType || targets.get(digest)?.mediaType ||
        documents.types.get(digest) || oldTypes.get(digest) || "",
      verifiedAt,
    );
  for (const { digest, size, isDamaged } of documents.files.values()) {
    const right = marked.get(digest)?.size ?? targets.get(digest)?.size ?? size;
    put(digest, right, isDamaged || right !== size ? 0 : now);
  }
  // What an image names and is missing gets a row, so that a repair brings it again.
  for (const { digest, size } of targets.values()) put(digest, size, 0);
  const layers = new Set(gathered.layers.map(({ marker }) => marker.diffID));
  for (const { config, layers: blobs } of documents.manifests.values()) {
    const diffIds = documents.configs.get(config.digest) ?? [];
    if (diffIds.length !== blobs.length) continue;
    for (const [i, { digest }] of blobs.entries()) {
      const diffId = diffIds[i] as string;
      if (!layers.has(diffId)) continue;
      db.run("INSERT OR IGNORE INTO layer_blob VALUES (?, ?)", digest, diffId);
    }
  }
}

function writeChains(db: Database, { gathered, documents, old }: Evidence): void {
  const held = new Set(gathered.layers.map(({ marker }) => marker.diffID));
  const put = (id: string, diffId: string, parent: string | null) => {
    const isRight = isDigest(diffId) &&
      chainId(parent as ChainId | null, diffId as string as DiffId) === id;
    if (!isRight || !held.has(diffId)) return;
    db.run(
      "INSERT OR IGNORE INTO chain (chain_id, diff_id, parent_chain_id) VALUES (?, ?, ?)",
      id,
      diffId,
      parent,
    );
  };
  const putStack = (diffIds: readonly DiffId[]) => {
    const ids = chainIds(diffIds);
    for (const [i, id] of ids.entries()) put(id, diffIds[i] as string, ids[i - 1] ?? null);
  };
  // Also of a config whose manifest is damaged: containers may lie on its layers.
  for (const names of documents.configs.values()) {
    putStack(names.map((name) => identity(db, name)));
  }
  for (const diffIds of layerStacks(gathered.snapshots)) putStack(diffIds);
  for (const { chainID, diffID, parent } of gathered.chains) put(chainID, diffID, parent);
  for (const row of old.chains) put(row.chain_id, row.diff_id, row.parent_chain_id);
  for (const { id, chainID } of gathered.chains) {
    const sql = "UPDATE chain SET cache_id = ? WHERE chain_id = ? AND cache_id IS NULL";
    db.run(sql, id, chainID);
  }
  // A chain is of use only with all chains below it.
  const orphan = `DELETE FROM chain WHERE parent_chain_id IS NOT NULL
    AND parent_chain_id NOT IN (SELECT chain_id FROM chain)`;
  while (db.run(orphan) > 0);
}

/**
 * The layers of each committed snapshot of a layer, lowest first, down to the bottom or to a directory. No image may
 * name these chains: containerd has the images of its snapshots.
 */
function layerStacks(snapshots: Gathered["snapshots"]): DiffId[][] {
  const at = (scope: string | undefined, key: string) => `${scope ?? ""}\0${key}`;
  const byName = new Map(snapshots.map((marker) => [at(marker.scope, marker.key), marker]));
  return snapshots.flatMap(({ scope, key, use, diffID }) => {
    if (use !== "committed" || diffID == null) return [];
    const diffIds: DiffId[] = [];
    for (let name: string | null = key; name !== null && diffIds.length < MAX_DEPTH;) {
      const marker: SnapshotMarker | undefined = byName.get(at(scope, name));
      if (marker?.diffID == null) break;
      diffIds.unshift(marker.diffID);
      name = marker.parent ?? null;
    }
    return [diffIds];
  });
}

/** The SHA-256 diffID of a layer that a config may name by another algorithm. */
function identity(db: Database, diffId: string): DiffId {
  const sql = "SELECT diff_id FROM layer_name WHERE name = ?";
  return (db.get<{ diff_id: string }>(sql, diffId)?.diff_id ?? diffId) as DiffId;
}

function writeImages(db: Database, { images }: Evidence, now: number): void {
  for (const image of images) {
    db.run(
      `INSERT OR REPLACE INTO image (name, digest, target, created_at, updated_at, spare, platform)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      image.name,
      image.target.digest,
      targetText(image),
      image.row?.created_at ?? now,
      image.row?.updated_at ?? now,
      image.row?.spare ?? 0,
      image.row?.platform ?? null,
    );
  }
}

function writeSnapshots(db: Database, { gathered, old }: Evidence, now: number): void {
  const time = now * 1000;
  const held = (diffId: string | null) =>
    diffId === null || db.get("SELECT 1 FROM layer WHERE diff_id = ?", diffId) !== undefined;
  // Committed snapshots of layers have no directory: their names are those of chains.
  const needed = [
    ...gathered.snapshots.map(({ scope = "", parent = null }) => ({ scope, parent })),
    ...old.snapshots,
  ];
  for (const { scope, parent } of needed) {
    if (scope === "" && parent !== null) putChain(db, parent, time);
  }
  const used = inUse(old.snapshots);
  for (const marker of gathered.snapshots) {
    const row = markedSnapshot(marker, time);
    if (row === undefined || hasSnapshot(db, row.scope, row.key)) continue;
    // Without the layer it is an active snapshot with an empty directory. A committed one stays that of its layer: as
    // one of its directory it would show nothing of the layer.
    const isHeld = row.kind === "committed" || held(row.diffId);
    const labels = used.get(marker.id) === `${row.scope}\0${row.key}`
      ? marker.labels ?? {}
      : row.labels;
    insertSnapshot(db, { ...row, labels, diffId: isHeld ? row.diffId : null });
  }
  for (const row of parentsFirst(old.snapshots)) {
    // A snapshot with a directory has a marker, which decides if it says enough.
    if (row.cache_id !== null && !gathered.unsaid.has(row.cache_id)) continue;
    if (!isSnapshotScope(row.scope)) continue;
    if (hasSnapshot(db, row.scope, row.key)) continue;
    // The snapshot of a chain was made again above. Another with such a name was that of a damaged row.
    if (row.scope === "" && row.kind === "committed" && isDigest(row.key)) continue;
    if (row.parent !== null && !hasSnapshot(db, row.scope, row.parent)) continue;
    const record = held(row.diff_id) ? readable(row) : undefined;
    if (record !== undefined) insertSnapshot(db, record);
  }
}

/** The snapshots of which the old database says that their mounts are in use, by directory. */
function inUse(old: readonly SnapshotTableRow[]): Map<number, string> {
  return new Map(
    old.filter(({ labels }) => !labels.includes(RELEASED_LABEL))
      .flatMap(({ scope, key, cache_id }) =>
        cache_id === null ? [] : [[cache_id, `${scope}\0${key}`]]
      ),
  );
}

/**
 * Sorts rows so that each comes after its parent. Those of containerd's layers have a name of containerd's, so no chain
 * says what they are.
 */
function parentsFirst(rows: readonly SnapshotTableRow[]): SnapshotTableRow[] {
  const at = ({ scope }: SnapshotTableRow, key: string) => `${scope}\0${key}`;
  const byKey = new Map(rows.map((row) => [at(row, row.key), row]));
  const sorted = new Set<SnapshotTableRow>();
  for (const row of rows) {
    const path = new Set<SnapshotTableRow>();
    let next: SnapshotTableRow | undefined = row;
    while (next !== undefined && !sorted.has(next) && !path.has(next)) {
      path.add(next);
      next = next.parent === null ? undefined : byKey.get(at(next, next.parent));
    }
    for (const one of [...path].reverse()) sorted.add(one);
  }
  return [...sorted];
}

function readable(row: SnapshotTableRow): SnapshotRow | undefined {
  try {
    return toSnapshot(row);
  } catch {
    return undefined;
  }
}

function hasSnapshot(db: Database, scope: string, key: string): boolean {
  const sql = "SELECT 1 FROM snapshot WHERE scope = ? AND key = ?";
  return db.get(sql, scope, key) !== undefined;
}

/** Writes the committed snapshots of a chain and of the chains below it. */
function putChain(db: Database, key: string, time: number): void {
  const sql = "SELECT diff_id, parent_chain_id FROM chain WHERE chain_id = ?";
  const chain = db.get<{ diff_id: string; parent_chain_id: string | null }>(sql, key);
  if (chain === undefined || hasSnapshot(db, "", key)) return;
  const { diff_id, parent_chain_id: parent } = chain;
  if (parent !== null) putChain(db, parent, time);
  insertSnapshot(db, {
    scope: "",
    key,
    kind: "committed",
    parent,
    cacheId: null,
    diffId: diff_id as DiffId,
    labels: {},
    createdAt: time,
    updatedAt: time,
    usage: null,
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
