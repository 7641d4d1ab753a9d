import { countUp, type Disk } from "./context.ts";
import type { Paths } from "./paths.ts";
import { liftIds } from "./recovery/age.ts";
import { leaveWitness } from "./recovery/witness.ts";
import { exists } from "./system.ts";

/**
 * Allocates `count` new cache ids, which follow each other; returns the first.
 *
 * If the database is older than the files, an id that it gives may be taken on the disk. Then all
 * ids are given above those on the disk.
 */
export async function allocateCacheIds(disk: Disk, count: number): Promise<number> {
  for (;;) {
    const first = disk.db.transact(() => countUp(disk.db, "next_cache_id", count) - count);
    leaveWitness(disk);
    const taken = findTaken(disk.paths, first, count);
    if (taken === undefined) return first;
    await liftIds(disk, taken);
  }
}

function findTaken(paths: Paths, first: number, count: number): number | undefined {
  for (let id = first; id < first + count; id++) {
    if ([paths.layer(id), paths.chain(id), paths.snapshot(id)].some(exists)) return id;
  }
  return undefined;
}
