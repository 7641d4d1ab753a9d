import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";
import type { LostSnapshot, SnapshotFacts } from "../../disk_directories.ts";
import { allocateCacheIds } from "../cache_ids.ts";
import { checkWritable, type Disk } from "../context.ts";
import { FileLock } from "../lock.ts";
import { markerIn, writeMarker } from "../markers/marker.ts";
import { MARKER } from "../names.ts";
import { snapshotMarker } from "../snapshots/snapshot_marker.ts";
import { lstatOrNothing, namesIn } from "../system.ts";
import { isAwaited } from "../sweep.ts";
import { isAlive } from "../owner.ts";

/** A name in `lost/`: a cache id, and a number when two directories had it. */
const NAME = /^[1-9][0-9]{0,14}(?:\.[1-9][0-9]*)?$/;

/** Lists the directories of snapshots that have no row; see `Directories.lost`. */
export async function listLost(disk: Disk): Promise<LostSnapshot[]> {
  const { paths, db } = disk;
  return await guarded("list lost snapshots", async () => {
    const found: LostSnapshot[] = [];
    const isLost = await lstatOrNothing(paths.lost) !== undefined;
    for (const name of isLost ? await namesIn(paths.lost) : []) {
      if (NAME.test(name)) found.push(await describe(name, `${paths.lost}/${name}`));
    }
    const names = new Set(found.map(({ name }) => name));
    for (const name of await namesIn(paths.snapshots)) {
      if (!NAME.test(name) || name.includes(".") || names.has(name)) continue;
      const row = db.get("SELECT 1 FROM snapshot WHERE cache_id = ?", Number(name));
      const path = `${paths.snapshots}/${name}`;
      if (row !== undefined || await isAwaited(path, (id) => isAlive(paths, id))) continue;
      found.push(await describe(name, path));
    }
    return found.sort((a, b) => parseFloat(a.name) - parseFloat(b.name));
  });
}

async function describe(name: string, path: string): Promise<LostSnapshot> {
  const marker = await markerIn(path);
  if (marker?.kind !== "snapshot") return { name, path };
  const { scope, key, use, parent, diffID: diffId, labels, createdAt, updatedAt } = marker;
  return { name, path, scope, key, use, parent, diffId, labels, createdAt, updatedAt };
}

/** Makes a lost directory the directory of a snapshot again; see `Directories.adopt`. */
export async function adoptLost<T>(
  disk: Disk,
  name: string,
  facts: SnapshotFacts,
  change: (cacheId: number) => T,
): Promise<T> {
  checkWritable(disk, "adopt a snapshot");
  const { paths, syncer, owner } = disk;
  const action = `adopt ${name}`;
  // No sweep may see the directory before it has its row, and no other process may adopt it.
  using _ = await guarded(action, () => FileLock.acquire(paths.lock));
  const lost = (await listLost(disk)).find((one) => one.name === name);
  if (lost === undefined) {
    throw new VarveError("E_NOT_FOUND", `Cannot ${action}: there is no such lost directory`, {
      subject: name,
      hint: "list the lost directories",
    });
  }
  const cacheId = await guarded(action, async () => {
    const isInPlace = lost.path.startsWith(`${paths.snapshots}/`);
    const cacheId = isInPlace ? Number(name) : await allocateCacheIds(disk, 1);
    const temporary = await owner.fresh();
    await writeMarker(temporary, snapshotMarker(disk, cacheId, facts));
    await syncer.each([temporary]);
    await Deno.rename(temporary, `${lost.path}/${MARKER}`);
    await syncer.each([lost.path]);
    if (!isInPlace) {
      await Deno.rename(lost.path, paths.snapshot(cacheId));
      await syncer.each([paths.snapshots, paths.lost]);
    }
    return cacheId;
  });
  return change(cacheId);
}
