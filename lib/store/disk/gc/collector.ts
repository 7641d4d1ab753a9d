import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";
import { inTurns } from "../../../pool/internal.ts";
import type {
  Collector,
  Garbage,
  GcKnowledge,
  GcOptions,
  GcReport,
  Marks,
  Reached,
  Thing,
} from "../../garbage.ts";
import type { Lease } from "../../records.ts";
import {
  checkWritable,
  type Disk,
  freeingTransaction,
  setState,
  stateOf,
  takeLock,
} from "../context.ts";
import { giveBackFreePages } from "../database/free_pages.ts";
import { collectorLock, keptPath } from "../ingest_names.ts";
import { type OverduePart, overdueParts } from "../kept_bytes.ts";
import { noteMissingParts } from "../parts/parts.ts";
import { namesIn } from "../system.ts";
import { type CacheBytes, cachesBeyond, noteCacheBytes } from "./bounds.ts";
import { type Candidate, candidates, partCandidate, trashed } from "./candidates.ts";
import { forgetChanges, noteChanges } from "./changes.ts";
import { readHolds } from "./holds.ts";
import { MarkSet } from "./mark_set.ts";
import { deadLeases, reach, removalsOf } from "./reached.ts";
import { Roots } from "./roots.ts";
import { DiskBytes } from "./sizes.ts";
import { Snapshots } from "./snapshot_roots.ts";
import { Sweep } from "./sweep.ts";
import { Walk } from "./walk.ts";

/**
 * Share of the bound of caches that is left when new ones are beyond it. Otherwise each new cache would be beyond it
 * again, and all would be measured each time.
 */
const LEFT_SHARE = 0.9;

/** Collects the garbage of an open disk store; see {@linkcode Collector}. */
export class DiskCollector implements Collector {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  reach(things: readonly Thing[]): Reached {
    return reach(this.#disk, things);
  }

  async mark(
    knowledge: GcKnowledge = {},
    options: Pick<GcOptions, "without" | "signal"> = {},
  ): Promise<Marks> {
    options.signal?.throwIfAborted();
    const marks = new MarkSet(options.without);
    const snapshots = new Snapshots(this.#disk.db);
    const roots = new Roots(this.#disk, marks, liveness(knowledge), snapshots);
    await inTurns(roots.all(), options.signal);
    await inTurns(new Walk(this.#disk, marks, snapshots).follow(), options.signal);
    return marks;
  }

  async garbage(
    marks: Marks,
    knowledge: GcKnowledge = {},
    options: Pick<GcOptions, "bounds" | "signal"> = {},
  ): Promise<readonly Garbage[]> {
    const { garbage } = await this.plan(marks, knowledge, options);
    return garbage;
  }

  async collect(knowledge: GcKnowledge = {}, options: GcOptions = {}): Promise<GcReport> {
    const { dryRun = false, signal } = options;
    signal?.throwIfAborted();
    if (dryRun) {
      const marks = await this.mark(knowledge, options);
      const { garbage, deferred } = await this.plan(marks, knowledge, options);
      return report(garbage, deferred, marks);
    }
    checkWritable(this.#disk, "collect garbage", { frees: true });
    return await guarded("collect garbage", async () => {
      using _ = await this.#begin(options);
      const collected = await this.#collectReached(knowledge, options) ??
        await this.#collectAll(knowledge, options);
      giveBackFreePages(this.#disk.db);
      return collected;
    });
  }

  /** Removes everything that the marks of the whole store do not keep. */
  async #collectAll(knowledge: GcKnowledge, options: GcOptions): Promise<GcReport> {
    const { signal } = options;
    const { db, paths } = this.#disk;
    const { inUse } = knowledge;
    let cacheBytes: CacheBytes | undefined;
    let done = 0;
    try {
      const due = freeingTransaction(this.#disk, "collect garbage", () => {
        noteChanges(db);
        return stateOf(db, "due");
      });
      const marks = await this.mark(knowledge, { signal });
      const sweep = new Sweep(this.#disk, marks, knowledge, options);
      const left = await namesIn(this.#disk.paths.trash);
      await sweep.remove(candidates(this.#disk, marks, liveness(knowledge)));
      if (options.bounds !== false) {
        const { caches, measured } = await cachesBeyond(this.#disk, { ...options, inUse });
        await sweep.removeCaches(caches);
        cacheBytes = measured;
        await sweep.removeParts(await this.#parts(options));
      }
      await sweep.emptyTrash(left);
      // What is used now is left to a later collection.
      const isAll = sweep.deferred.length + marks.unreadable.length + readHolds(paths).length === 0;
      if (isAll) done = due;
      return report(sweep.removed, [...sweep.deferred, ...sweep.stuck], marks);
    } catch (error) {
      // Files may be left whose rows were removed.
      this.#disk.owner.leaveMark();
      throw error;
    } finally {
      freeingTransaction(this.#disk, "collect garbage", () => {
        forgetChanges(db);
        setState(db, "due", Math.max(0, stateOf(db, "due") - done));
        if (cacheBytes !== undefined) noteCacheBytes(db, cacheBytes);
      });
      this.#disk.room.keep();
    }
  }

  /**
   * Removes what nothing needs of what was reached from something that was removed.
   *
   * @returns `undefined` when there may be other garbage, or it is not known what may be removed
   */
  async #collectReached(
    knowledge: GcKnowledge,
    options: GcOptions,
  ): Promise<GcReport | undefined> {
    const { reached } = options;
    const { db, owner, room } = this.#disk;
    if (reached === undefined || !reached.isKnown || room.isShort()) return undefined;
    if (stateOf(db, "due") > removalsOf(db, reached)) return undefined;
    if (!noteMissingParts(this.#disk)) return undefined;
    const marks = new MarkSet();
    const sweep = new Sweep(this.#disk, marks, knowledge, options);
    try {
      const dead = deadLeases(this.#disk, liveness(knowledge));
      const isAll = await sweep.removeReached(reached, dead);
      return isAll ? report(sweep.removed, sweep.deferred, marks) : undefined;
    } catch (error) {
      owner.leaveMark();
      throw error;
    } finally {
      room.keep();
    }
  }

  async boundCaches(
    knowledge: GcKnowledge = {},
    { signal }: Pick<GcOptions, "signal"> = {},
  ): Promise<readonly Garbage[]> {
    const { caches, db } = this.#disk;
    if (!caches.areNew || !isIdle(knowledge)) return [];
    const what = "remove caches";
    return await guarded(what, async () => {
      using _ = await this.#begin({ signal });
      try {
        const { inUse } = knowledge;
        const beyond = await cachesBeyond(this.#disk, { share: LEFT_SHARE, inUse, signal });
        const sweep = new Sweep(this.#disk, new MarkSet(), knowledge, { signal });
        caches.areNew = !await sweep.removeCaches(beyond.caches);
        const { measured } = beyond;
        if (measured !== undefined) {
          freeingTransaction(this.#disk, what, () => noteCacheBytes(db, measured));
        }
        return sweep.removed;
      } catch (error) {
        this.#disk.owner.leaveMark();
        throw error;
      } finally {
        this.#disk.room.keep();
      }
    });
  }

  /** Takes the lock of the process that collects. @throws {VarveError} `E_BUSY` */
  async #begin({ wait = 0, signal }: GcOptions): Promise<Disposable> {
    const { owner, paths, room } = this.#disk;
    // A collection needs some space before it frees any.
    if (room.isShort()) room.giveUp();
    // After a kill, the lock of the owner tells the next start to remove files without a row.
    await owner.fresh();
    try {
      const waiting = { timeout: wait, signal, what: "collects garbage" };
      const lock = await takeLock(this.#disk, collectorLock(paths), waiting);
      return { [Symbol.dispose]: () => lock.remove() };
    } catch (error) {
      if (!(error instanceof VarveError && error.code === "E_BUSY")) throw error;
      throw new VarveError("E_BUSY", "Cannot collect garbage: another process is collecting it", {
        hint: "wait for it to end",
      }, { cause: error });
    }
  }

  async #parts({ bounds }: Pick<GcOptions, "bounds">): Promise<OverduePart[]> {
    return await overdueParts(this.#disk, await namesIn(this.#disk.paths.ingest), bounds);
  }

  /** What would be removed: with the bytes, and with the absolute paths of all files and directories. */
  async plan(
    marks: Marks,
    knowledge: GcKnowledge,
    options: Pick<GcOptions, "bounds" | "signal" | "without">,
  ): Promise<
    {
      readonly garbage: Garbage[];
      readonly deferred: Garbage[];
      readonly paths: ReadonlySet<string>;
    }
  > {
    const { signal, bounds = true } = options;
    const inUse = knowledge.inUse?.() ?? (() => false);
    const freed = new DiskBytes("last");
    const garbage: Garbage[] = [], deferred: Garbage[] = [];
    const planned = new Set<string>();
    const { trash } = this.#disk.paths;
    const measured = async ({ kind, name, reason }: Candidate, paths: readonly string[]) => {
      let bytes = 0;
      for (const path of paths) {
        bytes += await inTurns(freed.of(path), signal);
        planned.add(path);
      }
      return { kind, name, bytes, reason };
    };
    for (const candidate of candidates(this.#disk, marks, liveness(knowledge))) {
      const { kind, name, paths } = candidate;
      if (!paths.some(inUse)) garbage.push(await measured(candidate, paths));
      else deferred.push({ kind, name, bytes: 0, reason: "a mount uses it" });
    }
    if (bounds !== false) {
      const { caches } = await cachesBeyond(this.#disk, { ...options, inUse: () => inUse });
      for (const cache of caches) {
        // The caches of what is removed are removed with it.
        const isPlanned = cache.paths.some((path) =>
          planned.has(path) || planned.has(dirname(path))
        );
        if (isPlanned) continue;
        garbage.push(await measured(cache, cache.paths));
      }
      for (const part of await this.#parts(options)) {
        const { kind, name, reason } = partCandidate(part);
        garbage.push({ kind, name, bytes: part.bytes, reason });
        planned.add(keptPath(this.#disk.paths, part.digest));
      }
    }
    for (const name of await namesIn(trash)) {
      garbage.push(await measured(trashed(name), [`${trash}/${name}`]));
    }
    return { garbage, deferred, paths: planned };
  }
}

/** Whether no snapshot is being made. */
function isIdle({ lockCaches }: GcKnowledge): boolean {
  using lock = lockCaches?.();
  return lock !== undefined;
}

/** The path of the directory that holds a path. */
function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function report(
  removed: readonly Garbage[],
  deferred: readonly Garbage[],
  { unreadable }: Marks,
): GcReport {
  const bytes = removed.reduce((sum, one) => sum + one.bytes, 0);
  return { removed, bytes, deferred, unreadable };
}

/** Whether a lease is live: as the caller knows, else by its time. */
function liveness({ isLive }: GcKnowledge): (lease: Lease) => boolean {
  const now = Date.now();
  return isLive ?? (({ expiresAt }) => expiresAt === null || expiresAt > now);
}
