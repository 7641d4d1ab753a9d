import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { CWD, openDirectoryAt, ownFd, removeTree } from "../linux/mod.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { removeAbandoned } from "./abandoned.ts";
import { keyOfLease, recordEnd } from "./container_records.ts";
import { resumeLeft } from "./pause.ts";
import { findRuns, keyOfRun, unreadRun } from "./run_directory.ts";
import { cleanUp } from "./watchdog.ts";

/**
 * Repairs what dead runs left: ends their processes, removes their mounts and files, records their ends, and removes
 * the snapshots of runs that were started with `remove`, also of those that were killed before they had begun. A run is
 * dead when its process ended without cleaning up; its
 * watchdog may have died too, or may still be at work. A container that runs is resumed if a process was killed that had
 * paused it.
 *
 * Of a run that was copied with its store, only the files are removed: the container may still run on the other store.
 */
export async function reapRuns(store: DiskStore, snapshotter: Snapshotter): Promise<void> {
  // The leases are read first: a run makes its directory before its lease.
  const leases = store.leases.list();
  const runs = await findRuns(store);
  for (const found of runs) {
    if (found.live) {
      if (found.run !== null) await resumeLeft(found.run);
      continue;
    }
    if (found.copied) removeCopy(found.directory);
    else if (found.damaged) await cleanUp(unreadRun(found));
    else if (found.run !== null) await cleanUp(found.run);
    else await removeDirectory(found.directory);
  }
  await removeAbandoned(store, () => snapshotter);
  // A run that is just beginning has not written its key yet. Any of the leases may be its own, so end none.
  if (runs.some(({ live, run, damaged }) => live && run === null && !damaged)) return;
  const live = new Set(runs.filter((found) => found.live).map((found) => keyOfRun(store, found)));
  for (const lease of leases) {
    const key = keyOfLease(lease);
    if (key === undefined || live.has(key)) continue;
    await recordEnd(store, snapshotter, { key, exit: null, found: { lease } });
  }
}

/** Removes the copy of a directory of a run, with what was copied of the container's root. */
function removeCopy(path: string): void {
  const slash = path.lastIndexOf("/");
  using mounts = ownFd(openDirectoryAt(CWD, fromText(path.slice(0, slash))));
  try {
    removeTree(mounts.fd, fromText(path.slice(slash + 1)));
  } catch (error) {
    // It stays where something is mounted in it.
    if (!(error instanceof VarveError && error.code === "E_SYSCALL")) throw error;
  }
}

/** Removes the directory of a run that did not begin. */
async function removeDirectory(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    // It is that of a run that ended, and its watchdog removes it just now.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
