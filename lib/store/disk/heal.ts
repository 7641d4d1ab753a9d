import { guarded } from "../../linux/mod.ts";
import { type Disk, stateOf } from "./context.ts";
import { forgetDeadCollection } from "./gc/changes.ts";
import { intentsIn, makerLocksIn, ownerDirectory, ownerLock, ownersIn } from "./ingest_names.ts";
import { sweepKept } from "./kept_bytes.ts";
import { writeIndex } from "./layout_index.ts";
import { FileLock } from "./lock.ts";
import { removeDeadOffers } from "./offers.ts";
import { isAlive, removeStaged } from "./owner.ts";
import type { Paths } from "./paths.ts";
import { checkAge } from "./recovery/age.ts";
import { recheck } from "./recheck.ts";
import { sweepRebuild } from "./rebuild/unfinished.ts";
import { settleMarker } from "./snapshots/snapshot_marker.ts";
import { sweep } from "./sweep.ts";
import { lstatOrNothing, namesIn, removeAll } from "./system.ts";
import { emptyTrash } from "./trash.ts";

/**
 * Heals a store when it is opened: removes the files that dead processes left, checks their last
 * commits, and looks whether the database is older than the files.
 *
 * It never touches the files of a live owner, which holds its lock. If all processes ended cleanly,
 * this costs only the reading of two almost empty directories and of the start of two files.
 */
export async function heal(disk: Disk): Promise<void> {
  const { paths, db } = disk;
  const names = await namesIn(paths.ingest);
  await emptyTrash(paths);
  await sweepRebuild(paths);
  const dead = new Map<string, FileLock>();
  // While this call holds the locks of the dead owners, they look alive to every other call. So
  // only one call heals.
  const lives = async (id: string) => !dead.has(id) && await isAlive(paths, id);
  try {
    for (const id of ownersIn(names)) {
      const lock = await FileLock.tryAcquire(ownerLock(paths, id));
      if (lock !== undefined) dead.set(id, lock);
    }
    await checkAge(disk, dead.size > 0);
    if (dead.size > 0 || stateOf(db, "unsynced") === 1) await recheck(disk, dead.size === 0);
    if (dead.size > 0) {
      const unfinished = new Set<number>();
      for (const id of dead.keys()) {
        for (const snapshot of await clearStaged(disk, id)) unfinished.add(snapshot);
      }
      await removeDeadOffers(paths, names, lives);
      // The locks of dead owners show that healing is needed, and their directories hold what they
      // intended. Remove them only when all of it is done.
      if (await sweep(disk, { lives, unfinished })) {
        for (const id of dead.keys()) await removeAll(ownerDirectory(paths, id));
        for (const lock of dead.values()) lock.remove();
      }
    }
    // A process that ended well leaves them, too, when it could not remove them.
    await removeFreeLocks(disk, names);
    await forgetDeadCollection(disk);
    await sweepKept(disk, names);
    writeIndex(disk);
  } finally {
    for (const lock of dead.values()) lock.release();
  }
}

/**
 * Removes what takes space and needs no database to be removed: the trash, and what dead processes staged. The locks
 * of the dead stay, so that a later start heals the store.
 */
export async function freeLeftovers(paths: Paths): Promise<void> {
  await guarded(`free space in ${paths.root}`, async () => {
    await emptyTrash(paths);
    await sweepRebuild(paths);
    for (const id of ownersIn(await namesIn(paths.ingest))) {
      if (await lstatOrNothing(ownerLock(paths, id)) === undefined) continue;
      using lock = await FileLock.tryAcquire(ownerLock(paths, id));
      // The intents stay. They are small, and only a start with the database can finish them.
      if (lock !== undefined) await removeStaged(paths, id);
    }
  });
}

/**
 * Removes what a dead owner staged, and finishes its changes of markers. Returns the snapshots that
 * it was making or removing.
 */
async function clearStaged(disk: Disk, owner: string): Promise<number[]> {
  const names = await removeStaged(disk.paths, owner);
  for (const cacheId of intentsIn(names, "marker")) await settleMarker(disk, cacheId);
  return [...intentsIn(names, "made"), ...intentsIn(names, "removed")];
}

/** Removes lock files that nobody holds, of layers and directories whose makers died. */
async function removeFreeLocks(disk: Disk, names: readonly string[]): Promise<void> {
  for (const name of makerLocksIn(names)) {
    const lock = await FileLock.tryAcquire(`${disk.paths.ingest}/${name}`);
    lock?.remove();
  }
}
