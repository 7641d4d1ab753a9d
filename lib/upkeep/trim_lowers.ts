import {
  composedDirectory,
  hasSharedMounts,
  trimOrRequest,
  trimSharedMounts,
} from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import { mayMount } from "../linux/mod.ts";
import { ancestors, stackOf } from "../snapshot/internal.ts";
import { RELEASED_LABEL } from "../store/internal.ts";
import type { DiskStore } from "../store/mod.ts";

/**
 * Unmounts the shared lowers that no snapshot needs, such as those that a killed process left mounted. Otherwise their
 * images would be in use for ever. If that is not known, all stay mounted.
 */
export function trimLowers(store: DiskStore): void {
  const { mounts } = store.directories;
  if (!mayMount() || !hasSharedMounts(mounts)) return;
  try {
    trimOrRequest(mounts, () => trimSharedMounts(store, () => neededBySnapshots(store)));
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

/** The directories of the composed images below active snapshots and views that nobody has released. */
function neededBySnapshots(store: DiskStore): string[] {
  const stacks = store.snapshots.read((table) => {
    const parents = table.list().filter(({ kind, labels }) =>
      kind !== "committed" && labels[RELEASED_LABEL] === undefined
    ).map(({ parent }) => parent);
    return [...new Set(parents)].map((parent) => stackOf(ancestors(table, parent)).layers);
  });
  return stacks.flatMap((diffIds) => composedDirectory(store, diffIds) ?? []);
}
