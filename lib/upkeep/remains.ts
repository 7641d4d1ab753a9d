import { removeAbandoned } from "../container/internal.ts";
import { isSupported } from "../linux/mod.ts";
import { endDeadMounts, removeDeadViews } from "../mount/internal.ts";
import { removeLeftProbes, trimLowers } from "../snapshot/internal.ts";
import { createSnapshotter } from "../snapshot/mod.ts";
import type { DiskStore } from "../store/mod.ts";

/**
 * Removes what keeps other things, but belongs to nobody: leases and views of mounts that have ended, snapshots of runs
 * with `remove` that were killed before they began, shared lowers that no snapshot needs, and what was
 * made to try a driver.
 */
export async function removeRemains(store: DiskStore): Promise<void> {
  // Without system calls nobody knows what is mounted or locked.
  if (!isSupported()) return;
  const snapshotter = () => createSnapshotter(store);
  await endDeadMounts(store, snapshotter);
  await removeDeadViews(store, snapshotter);
  await removeAbandoned(store, snapshotter);
  trimLowers(store);
  removeLeftProbes(store.directories.mounts);
}
