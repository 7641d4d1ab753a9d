import { type Disk, setState } from "../context.ts";
import type { Database } from "../database/database.ts";
import { collectorLock } from "../ingest_names.ts";
import { FileLock } from "../lock.ts";
import { lstatOrNothing } from "../system.ts";

/** The kind of a root that was added or changed. */
export type RootTable = "image" | "snapshot" | "containerd-snapshot" | "lease";

/** A row that was added or changed since a collection began. */
export interface RootChange {
  readonly kind: RootTable;
  readonly key: string;
}

/** Lets the database note every root that is added or changed from now on, in any process. Inside a transaction. */
export function noteChanges(db: Database): void {
  db.run("DELETE FROM root_change");
  setState(db, "collecting", 1);
}

/** Takes the noted changes, inside a transaction. */
export function takeChanges(db: Database): RootChange[] {
  const changes = db.all<RootChange>("SELECT kind, key FROM root_change");
  if (changes.length > 0) db.run("DELETE FROM root_change");
  return changes;
}

/** Ends the notes, inside a transaction. */
export function forgetChanges(db: Database): void {
  setState(db, "collecting", 0);
  db.run("DELETE FROM root_change");
}

/** Ends the notes of a collection whose process died. Does nothing while a process collects. */
export async function forgetDeadCollection({ paths, db }: Disk): Promise<void> {
  if (await lstatOrNothing(collectorLock(paths)) === undefined) return;
  const lock = await FileLock.tryAcquire(collectorLock(paths));
  if (lock === undefined) return;
  try {
    db.transact(() => forgetChanges(db));
  } finally {
    lock.remove();
  }
}
