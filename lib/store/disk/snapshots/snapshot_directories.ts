import { guarded, isNoSpace } from "../../../linux/mod.ts";
import type { SnapshotFacts } from "../../disk_directories.ts";
import { checkName } from "../../rules.ts";
import { allocateCacheIds } from "../cache_ids.ts";
import { checkWritable, type Disk } from "../context.ts";
import { intentPath, ownerDirectory } from "../ingest_names.ts";
import { writeSyncedMarker } from "../markers/marker.ts";
import { snapshotMarker } from "./snapshot_marker.ts";
import { SNAPSHOT_FILES } from "../names.ts";
import { makeDirectory, namesIn, removeAll, writeNew } from "../system.ts";
import { discard, hide } from "../trash.ts";
import type { Removals } from "./removals.ts";

/** Makes the directory of a snapshot; see `Directories.createSnapshot`. */
export async function createSnapshot(
  disk: Disk,
  facts: SnapshotFacts,
): Promise<{ readonly cacheId: number; readonly path: string }> {
  checkName("snapshot key", facts.key);
  checkWritable(disk, "create a snapshot");
  const { paths, owner, syncer } = disk;
  return await guarded("create a snapshot", async () => {
    const temporary = await owner.fresh();
    const cacheId = await allocateCacheIds(disk, 1);
    const path = paths.snapshot(cacheId);
    const intent = intentPath(paths, owner.id, cacheId, "made");
    let isMade = false;
    try {
      await writeNew(intent, new Uint8Array(), 0o600);
      await makeDirectory(temporary);
      await writeSyncedMarker(temporary, snapshotMarker(disk, cacheId, facts), syncer);
      await syncer.each([ownerDirectory(paths, owner.id)]);
      await Deno.rename(temporary, path);
      isMade = true;
      await syncer.each([paths.snapshots]);
    } catch (error) {
      await owner.tidy(() => removeAll(temporary));
      await owner.tidy(async () => {
        if (isMade) await discard(disk, path);
        await removeAll(intent);
      });
      throw error;
    }
    return { cacheId, path };
  });
}

/** Syncs a new snapshot's directory, then writes its row; see `Directories.finishSnapshot`. */
export async function finishSnapshot<T>(
  disk: Disk,
  cacheId: number,
  change: () => T,
): Promise<T> {
  const { paths, owner } = disk;
  await guarded(`sync snapshot ${cacheId}`, () => syncSnapshot(disk, paths.snapshot(cacheId)));
  const result = change();
  await owner.tidy(() => removeAll(intentPath(paths, owner.id, cacheId, "made")));
  return result;
}

/** Removes the row of a snapshot, then its directory; see `Directories.removeSnapshot`. */
export async function removeSnapshot<T>(
  disk: Disk,
  cacheId: number,
  change: () => T,
  later?: Removals,
): Promise<T> {
  const { paths, owner } = disk;
  checkWritable(disk, "remove a snapshot", { frees: true });
  const action = `remove snapshot ${cacheId}`;
  const intent = intentPath(paths, owner.id, cacheId, "removed");
  await guarded(action, () => announceRemoval(disk, intent));
  let result: T;
  try {
    result = change();
  } catch (error) {
    await owner.tidy(() => removeAll(intent));
    throw error;
  }
  try {
    const path = paths.snapshot(cacheId);
    await guarded(action, async () => {
      if (later === undefined) return await discard(disk, path);
      const hidden = await hide(disk, path);
      if (hidden !== undefined) later.add(hidden);
    });
  } catch (error) {
    // The intent stays, so that a later start removes the directory.
    owner.leaveMark();
    throw error;
  }
  await owner.tidy(async () => {
    await removeAll(intent);
    await removeAll(intentPath(paths, owner.id, cacheId, "made"));
  });
  return result;
}

/**
 * Writes the intent to remove a snapshot. On a full disk it goes without: removing must be possible
 * there. If the process is killed then, the directory is kept in `lost/`.
 */
async function announceRemoval(disk: Disk, intent: string): Promise<void> {
  const { paths, owner, syncer } = disk;
  try {
    await owner.fresh();
    await Deno.writeFile(intent, new Uint8Array(), { mode: 0o600 });
    await syncer.each([ownerDirectory(paths, owner.id)]);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
  }
}

/**
 * Syncs what a driver made in a snapshot's directory. A snapshot without a work directory is not an
 * overlay: it has all its files.
 */
async function syncSnapshot({ syncer }: Disk, path: string): Promise<void> {
  if (syncer.durability === "none") return;
  const names = await namesIn(path);
  const files = `${path}/${SNAPSHOT_FILES.files}`;
  const isFull = names.includes(SNAPSHOT_FILES.files) && !names.includes(SNAPSHOT_FILES.work) &&
    (await namesIn(files)).length > 0;
  if (isFull) await syncer.tree(files);
  await syncer.each([...names.map((name) => `${path}/${name}`), path]);
}
