import type { ChainId, DiffId } from "../../../digest/mod.ts";
import { CACHE_BOUNDS } from "../../cache_bounds.ts";
import type { GcOptions, Thing } from "../../garbage.ts";
import { boundOf, type Disk } from "../context.ts";
import {
  DRIVER_FILES,
  GENERATION,
  isComposedName,
  LAYER_FILES,
  MARKER,
  RELEASED_LABEL,
} from "../names.ts";
import { lstatOrNothingSync, namesInSync } from "../system.ts";
import type { Candidate } from "./candidates.ts";
import { inSlices } from "./in_slices.ts";
import { MarkSet } from "./mark_set.ts";
import { DiskBytes } from "./sizes.ts";
import { COLUMNS, type SnapshotColumns, thingOf } from "./snapshot_roots.ts";
import { Walk } from "./walk.ts";

/** The caches of one layer or chain. */
interface Cache {
  readonly candidate: Candidate;
  /** When it was used last, in ms since the epoch. */
  readonly usedAt: number;
  /** About its bytes, without a walk through its files. */
  readonly about: number;
  /** Its bytes, when they were measured. */
  bytes: number;
}

/**
 * The caches that are removed so that all together have at most `cache.size` bytes: those first that were not used for
 * the longest time. The caches of snapshots whose mounts may be in use stay.
 */
export async function cachesBeyond(
  disk: Disk,
  { bounds, without, signal }: Pick<GcOptions, "bounds" | "without" | "signal"> = {},
): Promise<Candidate[]> {
  const given = typeof bounds === "object" ? bounds : undefined;
  const bound = given?.size ?? boundOf(disk.db, CACHE_BOUNDS.size);
  const before = given?.before ?? Infinity;
  const caches = [...chainCaches(disk), ...layerCaches(disk)];
  // Measuring walks through all files.
  if (given === undefined && MARGIN * estimate(caches) <= bound) return [];
  let total = 0;
  const counted = new DiskBytes("first");
  for (const cache of caches) {
    for (const path of cache.candidate.paths) {
      cache.bytes += await inSlices(counted.of(path), signal);
    }
    total += cache.bytes;
  }
  const beyond: Candidate[] = [];
  const needed = neededBySnapshots(disk, without);
  for (const { candidate, bytes, usedAt } of caches.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= bound || usedAt >= before) break;
    if (candidate.keptBy.some((thing) => needed.keeps(thing))) continue;
    beyond.push(given === undefined ? candidate : { ...candidate, reason: UNUSED });
    total -= bytes;
  }
  return beyond;
}

/** Leaves out caches below snapshots that are in use now. Call it under the lock that keeps snapshots from being made. */
export function withoutNeeded(disk: Disk, caches: readonly Candidate[]): Candidate[] {
  const needed = neededBySnapshots(disk);
  return caches.filter(({ keptBy }) => !keptBy.some((thing) => needed.keeps(thing)))
    .map((candidate) => ({ ...candidate, keptBy: [] }));
}

/** How many times larger than its tar an extracted layer may be: small files take whole blocks. */
const MARGIN = 10;

/** About how many bytes caches have: composed images by their size, extracted layers by their tars. */
function estimate(caches: readonly Cache[]): number {
  return caches.reduce((sum, { about }) => sum + about, 0);
}

/** The reason for bounds that are not those of the settings. */
const UNUSED = "it is not in use";
const REASON =
  "caches have more bytes than the setting cache.size, and this was not used for the longest time";

function chainCaches({ db, paths }: Disk): Cache[] {
  const rows = db.all<{ id: ChainId; cacheId: number }>(
    "SELECT chain_id AS id, cache_id AS cacheId FROM chain WHERE cache_id IS NOT NULL",
  );
  const tars = rows.length === 0
    ? 0
    : db.get<{ sum: number | null }>("SELECT sum(size) AS sum FROM layer")?.sum ?? 0;
  return rows.map(({ id, cacheId }) => {
    const home = paths.chain(cacheId);
    const made = namesInSync(home);
    const extracted = made.filter((name) => name.startsWith(DRIVER_FILES.files));
    const images = made.filter(isComposedName).length * IMAGE_SHARE * tars;
    return cacheOf({
      name: id,
      keptBy: [`chain:${id}`],
      home,
      paths: [home],
      about: extracted.length * tars + images,
      remove: (db) =>
        db.run(
          "UPDATE chain SET cache_id = NULL WHERE chain_id = ? AND cache_id = ?",
          id,
          cacheId,
        ) >
          0,
    });
  });
}

function layerCaches({ db, paths }: Disk): Cache[] {
  const own: ReadonlySet<string> = new Set([
    ...Object.values(LAYER_FILES),
    MARKER,
    GENERATION,
  ]);
  const rows = db.all<{ id: DiffId; cacheId: number; size: number }>(
    "SELECT diff_id AS id, cache_id AS cacheId, size FROM layer",
  );
  return rows.flatMap(({ id, cacheId, size }) => {
    const home = paths.layer(cacheId);
    const made = namesInSync(home).filter((name) => !own.has(name));
    if (made.length === 0) return [];
    return cacheOf({
      name: id,
      keptBy: [`layer:${id}`],
      home,
      paths: made.map((name) => `${home}/${name}`),
      about: made.length * size,
      remove: () => true,
    });
  });
}

/** About how large a composed image is, compared with the tars of all layers. */
const IMAGE_SHARE = 0.1;

function cacheOf(
  { home, about, ...rest }: Omit<Candidate, "kind" | "reason"> & {
    readonly home: string;
    readonly about: number;
  },
): Cache {
  const usedAt = lstatOrNothingSync(`${home}/${MARKER}`)?.mtime?.getTime() ?? 0;
  return { candidate: { kind: "cache", reason: REASON, ...rest }, usedAt, about, bytes: 0 };
}

/** The chains and layers below active snapshots and views that nobody has released. */
function neededBySnapshots(disk: Disk, without?: ReadonlySet<Thing>): MarkSet {
  const marks = new MarkSet(without);
  const rows = disk.db.all<SnapshotColumns>(
    `SELECT ${COLUMNS} FROM snapshot WHERE kind <> 'committed'`,
  );
  for (const row of rows) {
    if (!row.labels.includes(RELEASED_LABEL)) marks.root(thingOf(row), "a snapshot in use");
  }
  for (const _ of new Walk(disk, marks).follow());
  return marks;
}
