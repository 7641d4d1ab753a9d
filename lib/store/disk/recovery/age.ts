import { fileErrno } from "../../../linux/mod.ts";
import type { Disk } from "../context.ts";
import { cacheNamesIn } from "../inspect/cache_names.ts";
import { setState, stateOf } from "../context.ts";
import type { Database } from "../database/database.ts";
import { shownGeneration } from "../layout_index.ts";
import { markerIn } from "../markers/marker.ts";
import type { Paths } from "../paths.ts";
import { lstatOrNothingSync } from "../system.ts";
import { isOlder, noteOlder } from "./older.ts";
import { leaveWitness, readWitness } from "./witness.ts";

/**
 * Looks whether the database is older than the files. If so, notes that, and lifts the counters of
 * the database above everything on the disk, so that no cache id is given twice. Warns while it is
 * noted.
 *
 * @param scan whether to also look at each directory with a cache id; needed after an unclean end
 */
export async function checkAge(disk: Disk, scan: boolean): Promise<void> {
  const { paths, db, readOnly } = disk;
  // Read the files first: another process changes the database first, then the files.
  const witness = readWitness(paths);
  const shown = shownGeneration(paths.index) ?? 0;
  const found = scan ? await highestIds(paths) : { marked: 0, any: 0 };
  const { next, seq, images, older } = db.read(() => ({
    next: stateOf(db, "next_cache_id"),
    seq: stateOf(db, "seq"),
    images: stateOf(db, "images"),
    older: isOlder(db),
  }));
  const isFound = witness.next > next || witness.seq > seq || shown > images ||
    found.marked >= next;
  if (isFound && !scan) return await checkAge(disk, true);
  if (!readOnly && !db.isCopy && (isFound || found.any >= next)) {
    // Note it first: with lifted counters, a later start would not find it out.
    if (isFound) noteOlder(db);
    await liftCounters(disk);
  }
  if (isFound || older) disk.onWarning?.(readOnly ? readOnlyWarning(paths) : olderWarning(paths));
}

/**
 * Lifts the next cache id above everything on the disk. Called when a new id is taken on the disk:
 * if a directory of the store has it, the database is older than the files.
 */
export async function liftIds(disk: Disk, taken: number): Promise<void> {
  const { db, paths } = disk;
  const markers = [paths.layer(taken), paths.chain(taken), paths.snapshot(taken)].map(markerIn);
  const isOurs = (await Promise.all(markers)).some((marker) => marker?.id === taken);
  const isNew = isOurs && !isOlder(db);
  if (isOurs) noteOlder(db);
  await liftCounters(disk);
  if (isNew) disk.onWarning?.(olderWarning(paths));
}

/**
 * Lifts the counters of a database above everything on the disk, so that no cache id is given twice,
 * and a start does not take the database for older than the files. A database that was made again
 * from the files needs this, too.
 */
export async function liftCounters({ db, paths }: Pick<Disk, "db" | "paths">): Promise<void> {
  const witness = readWitness(paths);
  const shown = shownGeneration(paths.index) ?? 0;
  const { any } = await highestIds(paths);
  db.transact(() => {
    lift(db, "next_cache_id", Math.max(witness.next, any + 1));
    lift(db, "seq", witness.seq);
    lift(db, "images", shown);
  });
  leaveWitness({ db, paths });
}

function lift(db: Database, key: string, value: number): void {
  if (stateOf(db, key) < value) setState(db, key, value);
}

/** On a read-only file system, SQLite does not read the log that a process has left which was killed. */
function readOnlyWarning(paths: Paths): string {
  const log = lstatOrNothingSync(`${paths.database}-wal`)?.size ?? 0;
  if (log === 0) return olderWarning(paths);
  return `The last changes of store ${paths.root} are not shown: they are in the log of its database, which cannot be ` +
    "read on a read-only file system. Mount the store writable once";
}

function olderWarning({ root }: Paths): string {
  return `The database of store ${root} is older than its files. What it does not know is kept, and is not shown: ` +
    "check the store to see it, rebuild its database to get it back";
}

/**
 * The highest cache ids on the disk: of directories with a marker, and of all. A directory without
 * a marker is not the store's work, but its id is taken.
 */
async function highestIds({ layers, chains, snapshots }: Paths): Promise<{
  readonly marked: number;
  readonly any: number;
}> {
  let [marked, any] = [0, 0];
  for (const directory of [layers, chains, snapshots]) {
    const { ids } = cacheNamesIn(directory);
    const highest = ids.reduce((most, id) => Math.max(most, id), 0);
    any = Math.max(any, highest);
    if (highest <= marked) continue;
    // Nearly always the highest has a marker.
    const isMarked = (id: number) => hasMarker(`${directory}/${id}`, id);
    if (await isMarked(highest)) {
      marked = highest;
      continue;
    }
    for (const id of ids.filter((id) => id > marked).sort((a, b) => b - a)) {
      if (id <= marked) break;
      if (await isMarked(id)) marked = id;
    }
  }
  return { marked, any };
}

/** Whether the marker in a directory says that it has a cache id. One that cannot be read does not say so. */
async function hasMarker(directory: string, id: number): Promise<boolean> {
  try {
    return (await markerIn(directory))?.id === id;
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
    return false;
  }
}
