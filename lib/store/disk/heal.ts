import { guarded } from "../../linux/mod.ts";
import { type Disk, stateOf } from "./context.ts";
import { forgetDeadCollection } from "./gc/changes.ts";
import { intentsIn, makerLocksIn, ownerDirectory, ownerLock, ownersIn } from "./ingest_names.ts";
import { sweepKept } from "./kept_bytes.ts";
import { writeIndex } from "./layout_index.ts";
import { FileLock } from "./lock.ts";
import { removeDeadOffers } from "./offers.ts";
import { isAlive } from "./owner.ts";
import type { Paths } from "./paths.ts";
import { recheck } from "./recheck.ts";
import { settleMarkers } from "./markers/snapshot_marker.ts";
import { sweep } from "./sweep.ts";
import { lstatOrNothing, namesIn, removeAll } from "./system.ts";
import { emptyTrash } from "./trash.ts";

/**
 * Heals a store when it is opened: removes the files that dead processes left, and checks their
 * last commits.
 *
 * It never touches the files of a live owner, which holds its lock. If all processes ended cleanly,
 * this costs only the reading of two almost empty directories.
 */
export async function heal(disk: Disk): Promise<void> {
  const { paths, db } = disk;
  await emptyTrash(paths);
  const names = await namesIn(paths.ingest);
  const dead = new Map<string, FileLock>();
  // While this call holds the locks of the dead owners, they look alive to every other call. So
  // only one call heals.
  const lives = async (id: string) => !dead.has(id) && await isAlive(paths, id);
  try {
    for (const id of ownersIn(names)) {
      const lock = await FileLock.tryAcquire(ownerLock(paths, id));
      if (lock !== undefined) dead.set(id, lock);
    }
    if (dead.size > 0 || stateOf(db, "unsynced") === 1) await recheck(disk);
    if (dead.size > 0) {
      for (const id of dead.keys()) {
        await settleMarkers(disk, id);
        await removeAll(ownerDirectory(paths, id));
      }
      await removeDeadOffers(paths, names, lives);
      await removeFreeLocks(disk, names);
      await forgetDeadCollection(disk);
      // The locks of dead owners show that healing is needed. Remove them only when all of it is
      // done.
      if (await sweep(disk, lives)) {
        for (const lock of dead.values()) lock.remove();
      }
    }
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
    for (const id of ownersIn(await namesIn(paths.ingest))) {
      if (await lstatOrNothing(ownerLock(paths, id)) === undefined) continue;
      using lock = await FileLock.tryAcquire(ownerLock(paths, id));
      if (lock === undefined) continue;
      const directory = ownerDirectory(paths, id);
      // What a start needs to write markers again is small, and needs the database.
      if (await holdsIntents(directory)) continue;
      await removeAll(directory);
    }
  });
}

async function holdsIntents(directory: string): Promise<boolean> {
  if (await lstatOrNothing(directory) === undefined) return false;
  return intentsIn(await namesIn(directory)).length > 0;
}

/** Removes lock files that nobody holds, of layers and directories whose makers died. */
async function removeFreeLocks(disk: Disk, names: readonly string[]): Promise<void> {
  for (const name of makerLocksIn(names)) {
    const lock = await FileLock.tryAcquire(`${disk.paths.ingest}/${name}`);
    lock?.remove();
  }
}
