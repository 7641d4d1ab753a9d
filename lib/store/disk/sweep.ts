import type { Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { fileErrno } from "../../linux/mod.ts";
import { cacheNamesIn } from "./inspect/cache_names.ts";
import { blobRow } from "./content.ts";
import type { Disk } from "./context.ts";
import { FileLock } from "./lock.ts";
import { markerIn } from "./markers/marker.ts";
import type { Marker } from "./markers/marker_format.ts";
import { LAYER_FILES } from "./names.ts";
import { hasFiles, keepLost } from "./recovery/lost.ts";
import { isOlder } from "./recovery/older.ts";
import { lstatOrNothing, namesIn } from "./system.ts";
import { discard } from "./trash.ts";

/** Maximum time in ms that a start waits for the store's lock. */
const TIMEOUT = 2_000;

/** What a sweep has to know of processes. */
export interface SweepFacts {
  /** Whether the open store with this owner id lives. */
  readonly lives: (owner: string) => Promise<boolean>;
  /** The snapshots that dead processes were making or removing. */
  readonly unfinished: ReadonlySet<number>;
}

/**
 * Removes files and directories that have a final name but no row, because their process died
 * during a commit or a removal. It takes the store's lock exclusively, so that no live commit is
 * between its renames and its rows. If a layer has a row but no directory, the damage is noted.
 *
 * A layer's directory with a tar and without a marker stays: a check tells of it, and a repair makes its layer again.
 *
 * A snapshot's directory that has files is removed only if a process died while it made or removed
 * that snapshot. Otherwise its row was lost, and it goes to `lost/`. If the database is older than
 * the files, only such directories of dead processes are removed: everything else without a row may
 * have had one.
 *
 * @returns false when the lock was not free, because other processes kept committing; a later start
 * sweeps then
 */
export async function sweep(disk: Disk, facts: SweepFacts): Promise<boolean> {
  const { paths, db } = disk;
  let lock: FileLock;
  try {
    lock = await FileLock.acquire(paths.lock, { timeout: TIMEOUT });
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_BUSY") return false;
    throw error;
  }
  using _ = lock;
  const older = isOlder(db);
  await sweepSnapshots(disk, facts, older);
  noteMissingLayers(disk);
  if (older) return true;
  for (const id of orphans(paths.layers, idsOf(disk, "layer"))) {
    if (!await mayBeOnlyCopy(paths.layer(id), id)) await discard(disk, paths.layer(id));
  }
  for (const id of orphans(paths.chains, idsOf(disk, "chain"))) {
    await discard(disk, paths.chain(id));
  }
  await sweepBlobs(disk);
  return true;
}

async function sweepSnapshots(
  disk: Disk,
  { lives, unfinished }: SweepFacts,
  older: boolean,
): Promise<void> {
  const { snapshots } = disk.paths;
  for (const id of orphans(snapshots, idsOf(disk, "snapshot"))) {
    const path = `${snapshots}/${id}`;
    if (unfinished.has(id)) await discard(disk, path);
    else if (older || await isAwaited(path, lives)) continue;
    else if (await hasFiles(path)) await keepLost(disk, id);
    else await discard(disk, path);
  }
}

function noteMissingLayers(disk: Disk): void {
  const present = new Set(cacheNamesIn(disk.paths.layers).ids);
  for (const id of idsOf(disk, "layer")) {
    if (present.has(id)) continue;
    disk.db.run("UPDATE layer SET verified_at = 0 WHERE cache_id = ?", id);
  }
}

async function sweepBlobs(disk: Disk): Promise<void> {
  const { blobs } = disk.paths;
  for (const algorithm of await namesIn(blobs)) {
    // A check tells of it.
    if (!(await lstatOrNothing(`${blobs}/${algorithm}`))?.isDirectory) continue;
    for (const hex of await namesIn(`${blobs}/${algorithm}`)) {
      const digest = `${algorithm}:${hex}` as Digest;
      if (/^[0-9a-f]{64,128}$/.test(hex) && blobRow(disk, digest) === undefined) {
        await discard(disk, `${blobs}/${algorithm}/${hex}`);
      }
    }
  }
}

function idsOf({ db }: Disk, table: "layer" | "chain" | "snapshot"): Set<number> {
  const sql = `SELECT cache_id FROM ${table} WHERE cache_id IS NOT NULL`;
  return new Set(db.arrays<[number]>(sql).map(([id]) => id));
}

/** The cache ids in a directory that have no row. */
function orphans(directory: string, known: ReadonlySet<number>): number[] {
  return cacheNamesIn(directory).ids.filter((id) => !known.has(id));
}

/**
 * Whether the directory of a layer without a row has a tar, but not its own marker. A commit and a removal leave the
 * marker. So its row was lost, and the tar may be the only copy of a layer.
 */
async function mayBeOnlyCopy(path: string, id: number): Promise<boolean> {
  if (await lstatOrNothing(`${path}/${LAYER_FILES.tar}`) === undefined) return false;
  try {
    const marker = await markerIn(path);
    return marker?.kind !== "layer" || marker.id !== id;
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
    return true;
  }
}

/**
 * Whether the row of a snapshot's directory may still be written, because the store that made the
 * directory is open. A marker that cannot be read now may say so.
 */
export async function isAwaited(
  path: string,
  lives: (owner: string) => Promise<boolean>,
): Promise<boolean> {
  let marker: Marker | undefined;
  try {
    marker = await markerIn(path);
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
    return true;
  }
  return marker?.kind === "snapshot" && marker.owner !== undefined && await lives(marker.owner);
}
