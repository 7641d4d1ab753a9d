import { VarveError } from "../../../errors.ts";
import { inTurns } from "../../../pool/internal.ts";
import type { Garbage, GcKnowledge, GcOptions, Marks, Reached } from "../../garbage.ts";
import { type Disk, freeingTransaction, setState, stateOf } from "../context.ts";
import { dropKept, type OverduePart } from "../kept_bytes.ts";
import { FileLock } from "../lock.ts";
import { hideUnsynced, removeHidden } from "../trash.ts";
import { withoutNeeded } from "./bounds.ts";
import { type Candidate, partCandidate, trashed } from "./candidates.ts";
import { takeChanges } from "./changes.ts";
import { MarkSet } from "./mark_set.ts";
import { isEnough, Judge } from "./reached.ts";
import { Roots } from "./roots.ts";
import { DiskBytes } from "./sizes.ts";
import { Walk } from "./walk.ts";

/** Longest time in ms for which a batch holds the store's lock, and the number of rows in the first batch. */
const BATCH_TIME = 50, FIRST_BATCH = 16;
/** Longest time in ms that a batch waits for the store's lock. */
const LOCK_TIMEOUT = 60_000;
/** Why something stays in `trash/`. */
const STUCK = "it cannot be deleted: something is mounted in it, or a file is immutable";
/** A candidate whose row was removed, and where its files are now. */
interface Hidden {
  readonly candidate: Candidate;
  readonly paths: readonly string[];
}

/** Removes rows and files in batches. */
export class Sweep {
  /** What was removed. */
  readonly removed: Garbage[] = [];
  /** What is in use by a mount. */
  readonly deferred: Garbage[] = [];
  /** What stays in `trash/`, because it cannot be deleted. */
  readonly stuck: Garbage[] = [];
  readonly #disk: Disk;
  readonly #marks: Marks;
  readonly #knowledge: GcKnowledge;
  readonly #options: GcOptions;
  readonly #freed = new DiskBytes("last");
  /** Everything that became reachable since the marks were made. */
  readonly #kept = new Set<string>();

  /** Removes nothing yet. */
  constructor(disk: Disk, marks: Marks, knowledge: GcKnowledge, options: GcOptions) {
    this.#disk = disk;
    this.#marks = marks;
    this.#knowledge = knowledge;
    this.#options = options;
  }

  /** Removes candidates, in their order. */
  async remove(candidates: readonly Candidate[]): Promise<void> {
    let size = FIRST_BATCH;
    for (let at = 0; at < candidates.length;) {
      this.#options.signal?.throwIfAborted();
      const batch = candidates.slice(at, at + size);
      const began = performance.now();
      const hidden = await this.#hide((inUse) => this.#removeRows(batch, inUse));
      const took = performance.now() - began;
      at += batch.length;
      // The next batch takes about half of the time that is allowed.
      const fitting = Math.floor(size * BATCH_TIME / 2 / Math.max(took, 1));
      size = Math.max(1, Math.min(fitting, 2 * size, 1024));
      await this.#unlink(hidden);
    }
  }

  /**
   * Removes caches of things that are kept, unless a snapshot is being made. No snapshot is made or mounted until they
   * have lost their names.
   *
   * @returns whether they were removed; `false` when a snapshot is being made
   */
  async removeCaches(caches: readonly Candidate[]): Promise<boolean> {
    if (caches.length === 0) return true;
    let hidden: Hidden[];
    {
      using lock = this.#knowledge.lockCaches?.();
      if (lock === undefined) return false;
      const unneeded = withoutNeeded(this.#disk, caches);
      hidden = await this.#hide((inUse) => this.#removeRows(unneeded, inUse));
    }
    await this.#unlink(hidden);
    return true;
  }

  /**
   * Removes what nothing needs of what was reached from something that was removed.
   *
   * @param dead ids of the leases that have ended
   * @returns whether that was all; `false` when it is not known what may be removed: then nothing was removed
   */
  async removeReached(reached: Reached, dead: ReadonlySet<string>): Promise<boolean> {
    let isAll = true;
    const hidden = await this.#hide((inUse) =>
      freeingTransaction(this.#disk, "collect garbage", () => {
        const { db } = this.#disk;
        isAll = isEnough(this.#disk, reached);
        if (!isAll) return [];
        const judge = new Judge(this.#disk, dead, inUse);
        const removed = judge.unneeded(reached).filter((candidate) => candidate.remove(db));
        if (!judge.isUsedNow) setState(db, "due", 0);
        return removed;
      })
    );
    await this.#unlink(hidden);
    return isAll;
  }

  /** Removes kept bytes of downloads, unless a process uses them. */
  async removeParts(parts: readonly OverduePart[]): Promise<void> {
    for (const part of parts) {
      if (!await dropKept(this.#disk.paths, part.digest)) continue;
      const { kind, name, reason } = partCandidate(part);
      this.#report({ kind, name, bytes: part.bytes, reason });
    }
  }

  /**
   * Removes rows and moves their files to `trash/`, while no commit is running.
   *
   * @param removeRows removes the rows, and tells which
   */
  async #hide(
    removeRows: (inUse: (path: string) => boolean) => readonly Candidate[],
  ): Promise<Hidden[]> {
    const { paths } = this.#disk;
    const { signal } = this.#options;
    // Not in the transaction: reading all mounts takes some time.
    const inUse = this.#knowledge.inUse?.() ?? (() => false);
    using _ = await FileLock.acquire(paths.lock, { timeout: LOCK_TIMEOUT, signal });
    const doomed = removeRows(inUse);
    const hidden: Hidden[] = [];
    for (const candidate of doomed) {
      const moved: string[] = [];
      for (const path of candidate.paths) {
        const to = hideUnsynced(this.#disk, path);
        if (to !== undefined) moved.push(to);
      }
      hidden.push({ candidate, paths: moved });
    }
    return hidden;
  }

  #removeRows(batch: readonly Candidate[], inUse: (path: string) => boolean): Candidate[] {
    const deferred: Candidate[] = [];
    const removed = freeingTransaction(this.#disk, "collect garbage", () => {
      // On a full disk it runs twice.
      deferred.length = 0;
      const marks = this.#marksSince();
      for (const thing of marks.kept()) this.#kept.add(thing);
      if (marks.unreadable.length > 0) return [];
      // Leases that have ended are removed with what they kept.
      const due = stateOf(this.#disk.db, "due");
      const gone = batch.filter((candidate) => {
        const { keptBy, paths } = candidate;
        if (keptBy.some((thing) => this.#marks.keeps(thing) || this.#kept.has(thing))) return false;
        if (!paths.some(inUse)) return candidate.remove(this.#disk.db);
        deferred.push(candidate);
        return false;
      });
      setState(this.#disk.db, "due", due);
      return gone;
    });
    for (const { kind, name } of deferred) {
      this.deferred.push({ kind, name, bytes: 0, reason: "a mount uses it" });
    }
    return removed;
  }

  /** What the roots reach that were added or changed since the last batch. */
  #marksSince(): MarkSet {
    const marks = new MarkSet();
    const roots = new Roots(this.#disk, marks, () => true);
    for (const change of takeChanges(this.#disk.db)) roots.changed(change);
    roots.holds();
    for (const _ of new Walk(this.#disk, marks).follow());
    return marks;
  }

  /** Deletes entries of `trash/` by their names. */
  async emptyTrash(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#options.signal?.throwIfAborted();
      const candidate = trashed(name);
      await this.#unlink([{ candidate, paths: [`${this.#disk.paths.trash}/${name}`] }]);
    }
  }

  /** Deletes the files of things whose rows were removed. */
  async #unlink(hidden: readonly Hidden[]): Promise<void> {
    for (const { candidate: { kind, name, reason }, paths } of hidden) {
      let bytes = 0, isLeft = false;
      for (const path of paths) {
        const freed = await inTurns(this.#freed.of(path), this.#options.signal);
        if (await isRemoved(this.#disk, path)) bytes += freed;
        else isLeft = true;
      }
      if (isLeft && kind === "trash") this.stuck.push({ kind, name, bytes, reason: STUCK });
      else this.#report({ kind, name, bytes, reason });
    }
  }

  #report(garbage: Garbage): void {
    this.removed.push(garbage);
    this.#options.onRemoved?.(garbage);
  }
}

/**
 * Deletes a path in `trash/`. What cannot be deleted, because something is mounted in it or a file is immutable, stays
 * there.
 *
 * @returns whether all of it was deleted
 */
async function isRemoved({ paths }: Disk, path: string): Promise<boolean> {
  try {
    await removeHidden(paths, path);
    return true;
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_SYSCALL")) throw error;
    return false;
  }
}
