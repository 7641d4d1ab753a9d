import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { keyOfLease, noteEnd } from "./container_records.ts";
import { findRuns } from "./run_directory.ts";
import { cleanUp } from "./watchdog.ts";

/**
 * Cleans up after runs whose process died, and whose watchdog died as well or is
 * still at work; removes the snapshots that were to go with them.
 */
export async function reapRuns(store: DiskStore, snapshotter: Snapshotter): Promise<void> {
  // First the leases: whoever has one had a directory before.
  const keys = store.leases.list().map(keyOfLease).filter((key) => key !== undefined);
  const runs = await findRuns(store);
  for (const { directory, state, live } of runs) {
    if (live) continue;
    if (state === null) await Deno.remove(directory, { recursive: true });
    else await cleanUp(state.runtime, directory, state.id);
  }
  // A run that is just beginning may be of any of them.
  if (runs.some(({ live, state }) => live && state === null)) return;
  const live = new Set(runs.filter((run) => run.live).map(({ state }) => state?.key));
  for (const key of keys) {
    if (!live.has(key)) await noteEnd(store, snapshotter, key, null);
  }
}
