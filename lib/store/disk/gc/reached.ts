/**
 * A collection of what some images and snapshots reached, after they were removed: it costs what they had, however much
 * the store holds. The mark of {@linkcode Walk} asks what each root needs, and reads all documents. This asks of each
 * thing that may have become garbage what still needs it.
 *
 * Why it is safe:
 *
 * - It removes only what the documents of the removed images name. They are read from files and proved, by the same
 *   walk, before the removal.
 * - It keeps whatever any row names: an image, a snapshot, a chain, a live lease, an open ingest, and any document of
 *   the store but those that it removes itself, whether or not a root reaches that row. A walk from the roots follows
 *   only such names, so it reaches nothing that is removed here.
 * - Only `part` is not read from a document now, but noted when the document was proved (`../parts/parts.ts`). While the
 *   parts of any document are not noted, or there are not as many as the documents have, and while the database is older
 *   than the files, all documents are read as for any collection.
 * - All is judged in the transaction that removes the rows, under the lock that commits share.
 */
import type { ChainId, DiffId, Digest } from "../../../digest/mod.ts";
import type { GcKnowledge, Reached, Thing } from "../../garbage.ts";
import { IMAGE_MANIFEST_LABEL } from "../../image_labels.ts";
import type { Lease } from "../../records.ts";
import { blobRow, layerRow } from "../content.ts";
import { type Disk, stateOf } from "../context.ts";
import type { Database } from "../database/database.ts";
import { type ChainRow, type LeaseRow, toLease } from "../database/records.ts";
import { arePartsWhole, isNamed, type PartRole } from "../parts/parts.ts";
import { isOlder } from "../recovery/older.ts";
import {
  type Candidate,
  childrenFirst,
  unusedBlob,
  unusedChain,
  unusedLayer,
  unusedSnapshot,
} from "./candidates.ts";
import { layersOf, readHolds } from "./holds.ts";
import { MarkSet } from "./mark_set.ts";
import { COLUMNS, type SnapshotColumns, Snapshots, whyRoot } from "./snapshot_roots.ts";
import { Walk } from "./walk.ts";

/** Number of snapshots of one layer that are looked at. A layer that has more is kept. */
const MANY = 64;

/** What some images and snapshots reach now. */
export function reach(disk: Disk, roots: readonly Thing[]): Reached {
  const marks = new MarkSet();
  for (const root of roots) marks.root(root, "to be removed");
  for (const _ of new Walk(disk, marks).follow());
  const { db } = disk;
  const images = "SELECT digest FROM image WHERE name = ?";
  const targets = named(roots, "image:").flatMap((name) => db.all<{ digest: Digest }>(images, name))
    .map(({ digest }) => digest);
  const active = "SELECT 1 FROM snapshot WHERE scope = '' AND key = ? AND kind = 'active'";
  return {
    things: [...marks.kept()],
    targets: [...new Set(targets)],
    active: named(roots, "snapshot:").filter((key) => db.get(active, key) !== undefined),
    isKnown: marks.unreadable.length === 0,
  };
}

/** The names of the things of a kind. */
function named(things: readonly Thing[], kind: string): string[] {
  return things.filter((thing) => thing.startsWith(kind)).map((thing) => thing.slice(kind.length));
}

/** Judges in one transaction what is left of the things that were reached. */
export class Judge {
  /** Whether something stays only because an ingest or a mount uses it now: a later collection removes it. */
  isUsedNow = false;
  readonly #disk: Disk;
  readonly #db: Database;
  readonly #inUse: (path: string) => boolean;
  readonly #snapshots: Snapshots;
  readonly #removed = new Set<Thing>();
  readonly #held = new Set<string>();
  readonly #leased = new Set<string>();

  /**
   * @param dead ids of the leases that have ended
   * @param inUse see `GcKnowledge.inUse`
   */
  constructor(disk: Disk, dead: ReadonlySet<string>, inUse: (path: string) => boolean) {
    this.#disk = disk;
    this.#db = disk.db;
    this.#inUse = inUse;
    this.#snapshots = new Snapshots(disk.db);
    for (const { id, resources } of leasesIn(disk.db)) {
      if (!dead.has(id)) { for (const resource of resources) this.#leased.add(resource); }
    }
    for (const { digests } of readHolds(disk.paths)) {
      for (const digest of digests) {
        this.#held.add(`blob:${digest}`);
        for (const row of layersOf(disk, digest)) this.#held.add(`layer:${row.diff_id}`);
      }
    }
  }

  /** What is to be removed, in the order of {@linkcode candidates}: what names others comes first. */
  unneeded({ things }: Reached): Candidate[] {
    // The walk reaches documents before what they name.
    const blobs = named(things, "blob:").flatMap((name) => this.#blob(name as Digest));
    const sql = "SELECT * FROM chain WHERE chain_id = ?";
    const rows = named(things, "chain:").flatMap((name) => this.#db.all<ChainRow>(sql, name));
    const chains = childrenFirst(
      rows,
      ({ chain_id }) => chain_id,
      ({ parent_chain_id }) => parent_chain_id,
    ).flatMap((row) => this.#chain(row));
    const layers = named(things, "layer:").flatMap((name) => this.#layer(name as DiffId));
    return [...chains, ...blobs, ...layers];
  }

  #blob(digest: Digest): Candidate[] {
    const thing: Thing = `blob:${digest}`;
    if (blobRow(this.#disk, digest) === undefined || this.#isRoot(thing)) return [];
    if (this.#has("SELECT 1 FROM image WHERE digest = ?", digest)) return [];
    if (this.#isNamed("blob", digest)) return [];
    const label = JSON.stringify([IMAGE_MANIFEST_LABEL, digest]);
    const sql = "SELECT 1 FROM snapshot WHERE kind = 'active' AND instr(labels, ?) > 0";
    if (this.#has(sql, label)) return [];
    return this.#remove(thing, unusedBlob(this.#disk.paths, digest));
  }

  /** A chain, and its committed snapshot. */
  #chain({ chain_id, diff_id: diffId, cache_id: cacheId }: ChainRow): Candidate[] {
    const id = chain_id as ChainId;
    if (this.#isRoot(`chain:${id}`) || this.#isRoot(`snapshot:${id}`)) return [];
    if (this.#isNamed("chain", id)) return [];
    // A config that names a layer by another algorithm does not name the chain that it has here.
    if (this.#otherNames(diffId).some((name) => this.#isNamed("layer", name))) return [];
    if (
      this.#isLeft("chain:", "SELECT chain_id AS name FROM chain WHERE parent_chain_id = ?", id)
    ) {
      return [];
    }
    const snapshots = this.#snapshotsOf(diffId);
    if (snapshots === undefined) return [];
    const own = snapshots.find(({ scope, key }) => scope === "" && key === id);
    const isOn = ({ scope, key }: SnapshotColumns) => this.#snapshots.chainOf(scope, key) === id;
    if (snapshots.some((one) => one !== own && isOn(one))) return [];
    if (own !== undefined && !this.#isSpare(own)) return [];
    const chain = this.#remove(`chain:${id}`, unusedChain(this.#disk.paths, id, cacheId));
    if (own === undefined || chain.length === 0) return chain;
    this.#removed.add(`snapshot:${id}`);
    return [unusedSnapshot(id), ...chain];
  }

  /** Whether a committed snapshot can be made again, and no snapshot lies on it. */
  #isSpare(row: SnapshotColumns): boolean {
    if (whyRoot(row, this.#snapshots) !== undefined) return false;
    const children = "SELECT key AS name FROM snapshot WHERE scope = '' AND parent = ?";
    return !this.#isLeft("snapshot:", children, row.key);
  }

  #layer(diffId: DiffId): Candidate[] {
    const row = layerRow(this.#disk, diffId);
    if (row === undefined || this.#isRoot(`layer:${diffId}`)) return [];
    if ([diffId, ...this.#otherNames(diffId)].some((name) => this.#isNamed("layer", name))) {
      return [];
    }
    // An artifact names layers by their blobs alone.
    const blobs = "SELECT digest FROM layer_blob WHERE diff_id = ?";
    for (const { digest } of this.#db.all<{ digest: string }>(blobs, diffId)) {
      if (this.#isNamed("blob", digest)) return [];
    }
    if (this.#isLeft("chain:", "SELECT chain_id AS name FROM chain WHERE diff_id = ?", diffId)) {
      return [];
    }
    const snapshots = this.#snapshotsOf(diffId);
    const isGone = ({ scope, key }: SnapshotColumns) =>
      scope === "" && this.#removed.has(`snapshot:${key}`);
    if (snapshots === undefined || !snapshots.every(isGone)) return [];
    return this.#remove(`layer:${diffId}`, unusedLayer(this.#disk.paths, diffId, row.cache_id));
  }

  /** The snapshots that are those of a layer; `undefined` when they are many. */
  #snapshotsOf(diffId: string): SnapshotColumns[] | undefined {
    const sql = `SELECT ${COLUMNS} FROM snapshot WHERE diff_id = ? LIMIT ${MANY + 1}`;
    const rows = this.#db.all<SnapshotColumns>(sql, diffId);
    return rows.length > MANY ? undefined : rows;
  }

  /** Names of a layer by other algorithms. */
  #otherNames(diffId: string): string[] {
    const sql = "SELECT name FROM layer_name WHERE diff_id = ?";
    return this.#db.all<{ name: string }>(sql, diffId).map(({ name }) => name);
  }

  /** Whether a live lease or an open ingest names a thing. */
  #isRoot(thing: Thing): boolean {
    if (this.#leased.has(thing)) return true;
    if (!this.#held.has(thing)) return false;
    return this.isUsedNow = true;
  }

  #isNamed(role: PartRole, digest: string): boolean {
    const isGone = (document: string) => this.#removed.has(`blob:${document as Digest}`);
    return isNamed(this.#db, role, digest, isGone, this.#removed.size);
  }

  #has(sql: string, value: string): boolean {
    return this.#db.get(`${sql} LIMIT 1`, value) !== undefined;
  }

  /** Whether a query finds the name of a thing that is not removed. */
  #isLeft(kind: "chain:" | "snapshot:", sql: string, value: string): boolean {
    const rows = this.#db.all<{ name: string }>(`${sql} LIMIT ?`, value, this.#removed.size + 1);
    return rows.some(({ name }) => !this.#removed.has(`${kind}${name}` as Thing));
  }

  #remove(thing: Thing, candidate: Candidate): Candidate[] {
    if (candidate.paths.some(this.#inUse)) {
      this.isUsedNow = true;
      return [];
    }
    this.#removed.add(thing);
    return [candidate];
  }
}

/**
 * Whether only what was reached can be garbage, and it is known what needs it. Inside the transaction that judges, so
 * that no commit comes between.
 */
export function isEnough(disk: Disk, reached: Reached): boolean {
  const { db } = disk;
  return reached.isKnown && !isOlder(db) && stateOf(db, "due") <= removalsOf(db, reached) &&
    arePartsWhole(db);
}

/** By how much the removal of what reached them has counted up `due`. */
export function removalsOf(db: Database, { targets, active }: Reached): number {
  const isGone = (sql: string) => (name: string) => db.get(sql, name) === undefined;
  return targets.filter(isGone("SELECT 1 FROM image WHERE digest = ?")).length +
    active.filter(isGone("SELECT 1 FROM snapshot WHERE scope = '' AND key = ?")).length;
}

/** The ids of the leases that have ended. Not inside a transaction: to ask the kernel takes some time. */
export function deadLeases({ db }: Disk, isLive: NonNullable<GcKnowledge["isLive"]>): Set<string> {
  return new Set(leasesIn(db).filter((lease) => !isLive(lease)).map(({ id }) => id));
}

function leasesIn(db: Database): Lease[] {
  return db.all<LeaseRow>("SELECT * FROM lease").map(toLease);
}
