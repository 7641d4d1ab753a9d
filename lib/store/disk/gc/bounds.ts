import { fromText, secondsAsNumber } from "../../../bytes/mod.ts";
import type { ChainId, DiffId } from "../../../digest/mod.ts";
import { CWD, isSupported, tryStatAt } from "../../../linux/mod.ts";
import { inTurns } from "../../../pool/internal.ts";
import { CACHE_BOUNDS } from "../../cache_bounds.ts";
import type { GcKnowledge, GcOptions, Thing } from "../../garbage.ts";
import { boundOf, type Disk, putState, stateOf } from "../context.ts";
import { GENERATION, LAYER_FILES, MARKER, RELEASED_LABEL } from "../names.ts";
import { lstatOrNothingSync, namesInSync } from "../system.ts";
import type { Database } from "../database/database.ts";
import type { Candidate } from "./candidates.ts";
import { MarkSet } from "./mark_set.ts";
import { DiskBytes } from "./sizes.ts";
import { COLUMNS, type SnapshotColumns, thingOf } from "./snapshot_roots.ts";
import { Walk } from "./walk.ts";

/** The caches of one layer or chain. */
interface Cache {
  readonly candidate: Candidate;
  /** When it was used last, in ms since the epoch. */
  readonly usedAt: number;
  /** Absolute paths of what a driver made. */
  readonly made: readonly string[];
  /** Its bytes, when they were measured. */
  bytes: number;
}

/** The bytes of all caches at a time. What was removed since may be among them. */
export interface CacheBytes {
  /** Time in ms since the epoch. Every cache that was placed before is counted. */
  readonly at: number;
  readonly bytes: number;
}

/** Keys of the state that holds {@linkcode CacheBytes}. */
const BYTES = "cache_bytes", AT = "cache_bytes_at";

/** Time in ms by which the clock of a file system may be behind: it goes by ticks. */
const TICK = 20;

/** Options of {@linkcode cachesBeyond}. */
export interface BeyondOptions extends Pick<GcOptions, "bounds" | "without" | "signal"> {
  /** Share of the bound that is left when caches are beyond it. Default: 1. */
  readonly share?: number | undefined;
  /** See `GcKnowledge.inUse`. */
  readonly inUse?: GcKnowledge["inUse"];
}

/** Result of {@linkcode cachesBeyond}. */
export interface Beyond {
  /** What is to be removed, in this order. */
  readonly caches: readonly Candidate[];
  /** What {@linkcode noteCacheBytes} may note; `undefined` for bounds that are not those of the settings. */
  readonly measured: CacheBytes | undefined;
}

/**
 * The caches that are removed so that all together have at most `cache.size` bytes: those first that were not used for
 * the longest time. The caches of snapshots whose mounts may be in use stay.
 *
 * To measure all caches walks through all their files. So the sum is noted, and only what was made since is measured,
 * until the sum is beyond the bound.
 */
export async function cachesBeyond(disk: Disk, options: BeyondOptions = {}): Promise<Beyond> {
  const { bounds, without, signal, share = 1 } = options;
  const given = typeof bounds === "object" ? bounds : undefined;
  const bound = given?.size ?? boundOf(disk.db, CACHE_BOUNDS.size);
  const before = given?.before ?? Infinity;
  const at = Date.now() - TICK;
  const caches = [...chainCaches(disk), ...layerCaches(disk)];
  if (given === undefined) {
    const bytes = await knownBytes(disk, caches, signal);
    if (bytes !== undefined && bytes <= bound) return { caches: [], measured: { at, bytes } };
  }
  let total = 0;
  const counted = new DiskBytes("first");
  for (const cache of caches) {
    for (const path of cache.candidate.paths) {
      cache.bytes += await inTurns(counted.of(path), signal);
    }
    total += cache.bytes;
  }
  const measured = given === undefined ? { at, bytes: total } : undefined;
  if (total <= bound) return { caches: [], measured };
  const beyond: Candidate[] = [];
  const needed = neededBySnapshots(disk, without);
  const inUse = options.inUse?.() ?? (() => false);
  for (const { candidate, bytes, usedAt } of caches.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= share * bound || usedAt >= before) break;
    if (candidate.keptBy.some((thing) => needed.keeps(thing))) continue;
    if (candidate.paths.some(inUse)) continue;
    beyond.push(given === undefined ? candidate : { ...candidate, reason: UNUSED });
    total -= bytes;
  }
  return { caches: beyond, measured };
}

/** Notes the bytes of all caches, inside a transaction. */
export function noteCacheBytes(db: Database, { at, bytes }: CacheBytes): void {
  putState(db, AT, at);
  putState(db, BYTES, bytes);
}

/** The bytes that are noted, and those of what was made since; `undefined` when nothing is noted. */
async function knownBytes(
  { db }: Disk,
  caches: readonly Cache[],
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const at = stateOf(db, AT);
  // A time in the future is that of another clock.
  if (at === 0 || at > Date.now()) return undefined;
  let total = stateOf(db, BYTES);
  const counted = new DiskBytes("first");
  for (const path of caches.flatMap(({ made }) => made)) {
    if (changedAt(path) >= at) total += await inTurns(counted.of(path), signal);
  }
  return total;
}

/**
 * When an inode was changed last, in ms since the epoch. The rename by which a cache gets its name is such a change.
 * Deno itself gives whole seconds: then the end of the second counts.
 */
function changedAt(path: string): number {
  if (!isSupported()) return (lstatOrNothingSync(path)?.ctime?.getTime() ?? Infinity) + 1000;
  const time = tryStatAt(CWD, fromText(path))?.ctime;
  return time === undefined ? 0 : secondsAsNumber(time) * 1000 + time.ns / 1e6;
}

/** Leaves out caches below snapshots that are in use now. Call it under the lock that keeps snapshots from being made. */
export function withoutNeeded(disk: Disk, caches: readonly Candidate[]): Candidate[] {
  const needed = neededBySnapshots(disk);
  return caches.filter(({ keptBy }) => !keptBy.some((thing) => needed.keeps(thing)))
    .map((candidate) => ({ ...candidate, keptBy: [] }));
}

/** The reason for bounds that are not those of the settings. */
const UNUSED = "it is not in use";
const REASON =
  "caches have more bytes than the setting cache.size, and this was not used for the longest time";

function chainCaches({ db, paths }: Disk): Cache[] {
  const rows = db.all<{ id: ChainId; cacheId: number }>(
    "SELECT chain_id AS id, cache_id AS cacheId FROM chain WHERE cache_id IS NOT NULL",
  );
  return rows.map(({ id, cacheId }) => {
    const home = paths.chain(cacheId);
    return cacheOf({
      name: id,
      keptBy: [`chain:${id}`],
      home,
      made: madeIn(home),
      paths: [home],
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
  const rows = db.all<{ id: DiffId; cacheId: number }>(
    "SELECT diff_id AS id, cache_id AS cacheId FROM layer",
  );
  return rows.flatMap(({ id, cacheId }) => {
    const home = paths.layer(cacheId);
    const made = madeIn(home);
    if (made.length === 0) return [];
    const keptBy: Thing[] = [`layer:${id}`];
    return cacheOf({ name: id, keptBy, home, made, paths: made, remove: () => true });
  });
}

/** Names in the directory of a layer or of a chain that no driver made. */
const OWN: ReadonlySet<string> = new Set([...Object.values(LAYER_FILES), MARKER, GENERATION]);

/** Absolute paths of what a driver made in the directory of a layer or of a chain. */
function madeIn(home: string): string[] {
  return namesInSync(home).filter((name) => !OWN.has(name)).map((name) => `${home}/${name}`);
}

function cacheOf(
  { home, made, ...rest }: Omit<Candidate, "kind" | "reason"> & {
    readonly home: string;
    readonly made: readonly string[];
  },
): Cache {
  const usedAt = lstatOrNothingSync(`${home}/${MARKER}`)?.mtime?.getTime() ?? 0;
  return { candidate: { kind: "cache", reason: REASON, ...rest }, usedAt, made, bytes: 0 };
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
