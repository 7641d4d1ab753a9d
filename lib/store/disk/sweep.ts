import type { Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { blobRow } from "./content.ts";
import type { Disk } from "./context.ts";
import { FileLock } from "./lock.ts";
import { readMarker } from "./markers/marker.ts";
import { MARKER } from "./names.ts";
import { namesIn } from "./system.ts";
import { discard } from "./trash.ts";

/** Maximum time in ms that a start waits for the store's lock. */
const TIMEOUT = 2_000;

/**
 * Removes files and directories that have a final name but no row, because their process died
 * during a commit. It takes the store's lock exclusively, so that no live commit is between its
 * renames and its rows. If a layer has a row but no directory, the damage is noted.
 *
 * @returns false when the lock was not free, because other processes kept committing; a later start
 * sweeps then
 */
export async function sweep(
  disk: Disk,
  lives: (owner: string) => Promise<boolean>,
): Promise<boolean> {
  const { paths, db } = disk;
  let lock: FileLock;
  try {
    lock = await FileLock.acquire(paths.lock, { timeout: TIMEOUT });
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_BUSY") return false;
    throw error;
  }
  using _ = lock;
  const ids = (table: string) =>
    new Set(
      db.all<{ id: number }>(
        `SELECT DISTINCT cache_id AS id FROM ${table} WHERE cache_id IS NOT NULL`,
      ).map(({ id }) => String(id)),
    );
  for (
    const [directory, known] of [[paths.layers, ids("layer")], [
      paths.chains,
      ids("chain"),
    ]] as const
  ) {
    for (const name of await orphans(directory, known)) await discard(disk, `${directory}/${name}`);
  }
  const present = new Set(await namesIn(paths.layers));
  for (const id of ids("layer")) {
    if (!present.has(id)) db.run("UPDATE layer SET verified_at = 0 WHERE cache_id = ?", Number(id));
  }
  for (const name of await orphans(paths.snapshots, ids("snapshot"))) {
    const path = `${paths.snapshots}/${name}`;
    if (!await isAwaited(path, lives)) await discard(disk, path);
  }
  for (const algorithm of await namesIn(paths.blobs)) {
    for (const hex of await namesIn(`${paths.blobs}/${algorithm}`)) {
      const digest = `${algorithm}:${hex}` as Digest;
      if (/^[0-9a-f]{64,128}$/.test(hex) && blobRow(disk, digest) === undefined) {
        await discard(disk, `${paths.blobs}/${algorithm}/${hex}`);
      }
    }
  }
  return true;
}

/** Names in a directory that are cache ids without a row. */
async function orphans(directory: string, known: ReadonlySet<string>): Promise<string[]> {
  const names = await namesIn(directory);
  return names.filter((name) => /^[1-9][0-9]*$/.test(name) && !known.has(name));
}

/**
 * Whether the row of a snapshot's directory may still be written, because the store that made the
 * directory is open.
 */
async function isAwaited(
  path: string,
  lives: (owner: string) => Promise<boolean>,
): Promise<boolean> {
  try {
    const marker = await readMarker(`${path}/${MARKER}`);
    return marker.kind === "snapshot" && marker.owner !== undefined && await lives(marker.owner);
  } catch {
    return false;
  }
}
