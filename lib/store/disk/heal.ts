import { type Disk, stateOf } from "./context.ts";
import { makerLocksIn, ownerDirectory, ownerLock, ownersIn } from "./ingest_names.ts";
import { sweepKept } from "./kept_bytes.ts";
import { writeIndex } from "./layout_index.ts";
import { FileLock } from "./lock.ts";
import { removeDeadOffers } from "./offers.ts";
import { isAlive } from "./owner.ts";
import { recheck } from "./recheck.ts";
import { sweep } from "./sweep.ts";
import { namesIn, removeAll } from "./system.ts";
import { emptyTrash } from "./trash.ts";

/**
 * What every start does: it takes away what dead processes left, and looks at what they committed.
 *
 * Owners that live are never touched: each holds its lock. After clean ends this costs two readings of
 * directories that are empty.
 */
export async function heal(disk: Disk): Promise<void> {
  const { paths, db } = disk;
  await emptyTrash(paths);
  const names = await namesIn(paths.ingest);
  const dead = new Map<string, FileLock>();
  // The locks of the dead are held here, so that one start at a time heals: they look alive to others.
  const lives = async (id: string) => !dead.has(id) && await isAlive(paths, id);
  try {
    for (const id of ownersIn(names)) {
      const lock = await FileLock.tryAcquire(ownerLock(paths, id));
      if (lock !== undefined) dead.set(id, lock);
    }
    if (dead.size > 0 || stateOf(db, "unsynced") === 1) await recheck(disk);
    if (dead.size > 0) {
      for (const id of dead.keys()) await removeAll(ownerDirectory(paths, id));
      await removeDeadOffers(paths, names, lives);
      await removeFreeLocks(disk, names);
      // Only when all was looked through may the marks go.
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

/** Lock files of layers whose makers died. */
async function removeFreeLocks(disk: Disk, names: readonly string[]): Promise<void> {
  for (const name of makerLocksIn(names)) {
    const lock = await FileLock.tryAcquire(`${disk.paths.ingest}/${name}`);
    lock?.remove();
  }
}
