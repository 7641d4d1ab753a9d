/** Shared lowers: kept while a snapshot that has no lease yet is made, and unmounted when no snapshot needs them. */
import {
  composedDirectory,
  hasSharedMounts,
  lockLowers,
  trimIfRequested,
  trimOrRequest,
  trimSharedMounts,
} from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import { mayMount } from "../linux/mod.ts";
import { RELEASED_LABEL, SNAPSHOT_SCOPES } from "../store/internal.ts";
import type { DiskStore, SnapshotRow } from "../store/mod.ts";
import type { Ancestor } from "./contract.ts";
import { runsOf } from "./drivers/ancestors.ts";
import { ancestors } from "./machine.ts";

/**
 * Says that this process makes a snapshot for a mount or a run, from before its row until a lease or another lock
 * protects it. While no process says so, a snapshot of this kind that has neither belongs to a process that was killed.
 * Disposing carries out a trim that was requested meanwhile.
 *
 * @throws the signal's reason when it is aborted while another process trims
 */
export async function holdLowers(store: DiskStore, signal?: AbortSignal): Promise<Disposable> {
  const { mounts } = store.directories;
  const lock = await lockLowers(mounts, signal);
  let isHeld = true;
  return {
    [Symbol.dispose](): void {
      if (!isHeld) return;
      isHeld = false;
      lock[Symbol.dispose]();
      trimIfRequested(mounts, () => trimShared(store));
    },
  };
}

/**
 * Unmounts the shared lowers that no snapshot needs, whatever driver mounted them: such as those that a killed process
 * left mounted. Otherwise their images would be in use for ever. If that is not known, all stay mounted.
 */
export function trimLowers(store: DiskStore): void {
  const { mounts } = store.directories;
  try {
    // A process that was killed after its trim has left the request.
    if (!hasSharedMounts(mounts)) return trimIfRequested(mounts, () => {});
    // Asked last, because it needs FFI.
    if (mayMount()) trimOrRequest(mounts, () => trimShared(store));
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

/** Unmounts the shared lowers that no snapshot needs, whatever driver mounted them. */
export function trimShared(store: DiskStore): void {
  const needed = () => neededAncestors(store).flatMap(runsOf);
  trimSharedMounts(store, () => needed().flatMap((run) => composedDirectory(store, run) ?? []));
}

/** The ancestors of all snapshots whose lowers must stay mounted; each parent once. */
function neededAncestors(store: DiskStore): Ancestor[][] {
  return SNAPSHOT_SCOPES.flatMap((scope) =>
    store.snapshots.in(scope).read((table) =>
      table.usedParents().map((parent) => ancestors(table, parent))
    )
  );
}

/** Whether a snapshot says that its mounts are not used. */
export function isReleased({ labels }: SnapshotRow): boolean {
  return labels[RELEASED_LABEL] !== undefined;
}
