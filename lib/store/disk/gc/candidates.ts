import type { ChainId, DiffId, Digest } from "../../../digest/mod.ts";
import { mediaTypeInfo } from "../../../oci/mod.ts";
import type { GarbageKind, Marks, Thing } from "../../garbage.ts";
import type { Lease } from "../../records.ts";
import type { Disk } from "../context.ts";
import type { Database } from "../database/database.ts";
import { type LeaseRow, toLease } from "../database/records.ts";
import type { OverduePart } from "../kept_bytes.ts";
import type { Paths } from "../paths.ts";
import { isOlder } from "../recovery/older.ts";

/** Something that nothing keeps. */
export interface Candidate {
  readonly kind: GarbageKind;
  readonly name: string;
  readonly reason: string;
  /** The row stays while a root reaches one of these. */
  readonly keptBy: readonly Thing[];
  /** Absolute paths of its files; none for a row without files. */
  readonly paths: readonly string[];
  /** Deletes the row, inside a transaction; returns false when something in the database needs it. */
  remove(db: Database): boolean;
}

const UNUSED = "no image, snapshot or lease needs it";

/**
 * The rows that no root reaches, in the order in which they are removed: what names others goes before what it names.
 * So at any moment everything that a row names is there, and a row that becomes a root again brings all of it back.
 */
export function candidates(
  disk: Disk,
  marks: Marks,
  isLive: (lease: Lease) => boolean,
): Candidate[] {
  const found = expiredLeases(disk.db, isLive);
  // Nobody knows what an unreadable document names: it may be any of these. So may a name or a snapshot that only an
  // older database lacks.
  if (marks.unreadable.length > 0 || isOlder(disk.db)) return found;
  return [
    ...found,
    ...snapshots(disk.db, marks),
    ...chains(disk, marks),
    ...blobs(disk, marks),
    ...layers(disk, marks),
  ];
}

function expiredLeases(db: Database, isLive: (lease: Lease) => boolean): Candidate[] {
  const rows = db.all<LeaseRow>("SELECT * FROM lease WHERE expires_at IS NOT NULL ORDER BY id");
  return rows.map(toLease).filter((lease) => !isLive(lease)).map(({ id, expiresAt }) => ({
    kind: "lease",
    name: id,
    reason: `it expired at ${new Date(expiresAt as number).toISOString()}`,
    keptBy: [],
    paths: [],
    remove: (db) => db.run("DELETE FROM lease WHERE id = ? AND expires_at = ?", id, expiresAt) > 0,
  }));
}

/** Only of the user's own: containerd removes its snapshots itself. */
function snapshots(db: Database, marks: Marks): Candidate[] {
  const rows = db.all<{ key: string; parent: string | null }>(
    "SELECT key, parent FROM snapshot WHERE scope = '' AND kind = 'committed' ORDER BY key",
  ).filter(({ key }) => !keepersOf(key).some((thing) => marks.keeps(thing)));
  return childrenFirst(rows, ({ key }) => key, ({ parent }) => parent)
    .map(({ key }) => unusedSnapshot(key));
}

/** The committed snapshot of a chain that nothing needs. */
export function unusedSnapshot(key: string): Candidate {
  return {
    kind: "snapshot",
    name: key,
    reason: UNUSED,
    keptBy: keepersOf(key),
    paths: [],
    remove: (db) =>
      db.run(
        `DELETE FROM snapshot WHERE scope = '' AND key = ?
           AND NOT EXISTS (SELECT 1 FROM snapshot WHERE scope = '' AND parent = ?)`,
        key,
        key,
      ) > 0,
  };
}

/** The committed snapshot of a chain has the chainID as its key, and stays with the chain. */
function keepersOf(key: string): Thing[] {
  return [`snapshot:${key}`, `chain:${key as ChainId}`];
}

function chains({ db, paths }: Disk, marks: Marks): Candidate[] {
  const rows = db.all<{ id: ChainId; parent: ChainId | null; cacheId: number | null }>(
    `SELECT chain_id AS id, parent_chain_id AS parent, cache_id AS cacheId FROM chain
     ORDER BY chain_id`,
  ).filter(({ id }) => !marks.keeps(`chain:${id}`));
  return childrenFirst(rows, ({ id }) => id, ({ parent }) => parent)
    .map(({ id, cacheId }) => unusedChain(paths, id, cacheId));
}

/** A chain that nothing needs. */
export function unusedChain(paths: Paths, id: ChainId, cacheId: number | null): Candidate {
  return {
    kind: "chain",
    name: id,
    reason: UNUSED,
    keptBy: [`chain:${id}`],
    paths: cacheId === null ? [] : [paths.chain(cacheId)],
    remove: (db) =>
      // A chain on top of it may have been noted since the marks were made.
      db.get("SELECT 1 FROM chain WHERE parent_chain_id = ? LIMIT 1", id) === undefined &&
      db.run("DELETE FROM chain WHERE chain_id = ? AND cache_id IS ?", id, cacheId) > 0,
  };
}

/** Indexes first, then manifests, then everything else. */
function blobs({ db, paths }: Disk, marks: Marks): Candidate[] {
  const rows = db.all<{ digest: Digest; mediaType: string }>(
    "SELECT digest, media_type AS mediaType FROM blob ORDER BY digest",
  ).filter(({ digest }) => !marks.keeps(`blob:${digest}`));
  const rank = (row: { readonly mediaType: string }) => {
    const role = mediaTypeInfo(row.mediaType)?.role;
    return role === "index" ? 0 : role === "manifest" ? 1 : 2;
  };
  return rows.sort((a, b) => rank(a) - rank(b)).map(({ digest }) => unusedBlob(paths, digest));
}

/** A blob that nothing needs. */
export function unusedBlob(paths: Paths, digest: Digest): Candidate {
  return {
    kind: "blob",
    name: digest,
    reason: UNUSED,
    keptBy: [`blob:${digest}`],
    paths: [paths.blob(digest)],
    remove: (db) => db.run("DELETE FROM blob WHERE digest = ?", digest) > 0,
  };
}

function layers({ db, paths }: Disk, marks: Marks): Candidate[] {
  const rows = db.all<{ diffId: DiffId; cacheId: number }>(
    "SELECT diff_id AS diffId, cache_id AS cacheId FROM layer ORDER BY diff_id",
  ).filter(({ diffId }) => !marks.keeps(`layer:${diffId}`));
  return rows.map(({ diffId, cacheId }) => unusedLayer(paths, diffId, cacheId));
}

/** A layer that nothing needs. */
export function unusedLayer(paths: Paths, diffId: DiffId, cacheId: number): Candidate {
  return {
    kind: "layer",
    name: diffId,
    reason: UNUSED,
    keptBy: [`layer:${diffId}`],
    paths: [paths.layer(cacheId)],
    remove(db) {
      // A chain or a snapshot of it may have been noted since the marks were made.
      for (const table of ["chain", "snapshot"]) {
        const used = db.get(`SELECT 1 FROM ${table} WHERE diff_id = ? LIMIT 1`, diffId);
        if (used !== undefined) return false;
      }
      const sql = "DELETE FROM layer WHERE diff_id = ? AND cache_id = ?";
      if (db.run(sql, diffId, cacheId) === 0) return false;
      db.run("DELETE FROM layer_blob WHERE diff_id = ?", diffId);
      db.run("DELETE FROM layer_name WHERE diff_id = ?", diffId);
      return true;
    },
  };
}

/** Kept bytes of a download. They are removed under the lock of their layer, without a row. */
export function partCandidate({ digest, reason }: OverduePart): Candidate {
  return { kind: "part", name: digest, reason, keptBy: [], paths: [], remove: () => true };
}

/** An entry of `trash/`. */
export function trashed(name: string): Candidate {
  return {
    kind: "trash",
    name,
    reason: "it was removed earlier",
    keptBy: [],
    paths: [],
    remove: () => true,
  };
}

/** Sorts rows so that each comes before its parent. */
export function childrenFirst<Row>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  parentOf: (row: Row) => string | null,
): Row[] {
  const byId = new Map(rows.map((row) => [idOf(row), row]));
  const parentsFirst = new Set<Row>();
  for (const row of rows) {
    const path: Row[] = [];
    for (let at: Row | undefined = row; at !== undefined && !parentsFirst.has(at);) {
      // A tampered table may have a cycle.
      if (path.includes(at)) break;
      path.push(at);
      const parent = parentOf(at);
      at = parent === null ? undefined : byId.get(parent);
    }
    for (const one of path.reverse()) parentsFirst.add(one);
  }
  return [...parentsFirst].reverse();
}
