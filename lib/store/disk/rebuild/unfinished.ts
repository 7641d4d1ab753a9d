import { FileLock } from "../lock.ts";
import type { Paths } from "../paths.ts";
import { lstatOrNothing, removeAll } from "../system.ts";

/** What SQLite puts beside a database. */
export const BESIDE: readonly string[] = ["-wal", "-shm", "-journal"];

/** Absolute path of the database that a rebuild makes, until it gets the name of the store's. */
export function unfinishedRebuild({ database }: Paths): string {
  return `${database}.new`;
}

/** Removes what a rebuild has made that did not end. */
export async function removeUnfinished(paths: Paths): Promise<void> {
  for (const end of ["", ...BESIDE]) await removeAll(unfinishedRebuild(paths) + end);
}

/** Removes what a rebuild has left that was killed. One that runs holds the lock of the store. */
export async function sweepRebuild(paths: Paths): Promise<void> {
  if (await lstatOrNothing(unfinishedRebuild(paths)) === undefined) return;
  using lock = await FileLock.tryAcquire(paths.lock);
  if (lock !== undefined) await removeUnfinished(paths);
}
