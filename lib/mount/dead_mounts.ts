import { fromText } from "../bytes/mod.ts";
import { tryLockLowersAlone } from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import { findMount, type MountInfo, readMountInfo } from "../linux/mod.ts";
import {
  detachedOf,
  ignoreMissing,
  isDetachedUsed,
  isMountOf,
  mountId,
  mountNamespace,
  mountState,
  NAMESPACE_LABEL,
  snapshotOfLease,
  trimLowers,
} from "../snapshot/internal.ts";
import { MOUNT_LABEL, type Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore, Lease } from "../store/mod.ts";
import { forgetMount } from "./forget_mount.ts";
import { type MountTarget, openMountTarget } from "./mount_target.ts";

/** What a mount left that has ended. */
interface DeadMount {
  /** Id of the lease, and key of the view. */
  readonly id: string;
  /** The lease; `undefined` for a view whose mount never had one. */
  readonly lease: Lease | undefined;
  /** When the view was made; `undefined` when there is a lease. */
  readonly viewedAt?: number | undefined;
  /** Whether the mount may still be there, if its directory was renamed. */
  readonly mayBeRenamed: boolean;
}

/**
 * Ends the leases of mounts that a reboot or a kill has ended, and removes the views that were made for them. Unmounts
 * the shared lowers that no snapshot needs. Read-write snapshots stay. A mount that another process is making is not disturbed.
 *
 * A lease of another mount namespace of this boot stays, because its mount cannot be seen. So does a lease of this boot
 * whose directory is gone: it may have been renamed, and then the mount is still there.
 *
 * @param snapshotter makes the snapshotter when there is something to remove
 */
export async function endDeadMounts(
  store: DiskStore,
  snapshotter: () => Snapshotter,
): Promise<void> {
  await endDetached(store, snapshotter);
  await endAll(store, deadLeases(store), snapshotter);
  // A mount that was killed before it had a row has left its lower.
  trimLowers(store);
}

/** Ends the leases of detached mounts that nothing uses any more. */
async function endDetached(store: DiskStore, snapshotter: () => Snapshotter): Promise<void> {
  const leases = store.leases.list().filter((lease) => detachedOf(lease) !== undefined);
  if (leases.length === 0) return;
  const mounts = readMountInfo();
  for (const lease of leases) {
    const detached = detachedOf(lease);
    if (detached === undefined || isDetachedUsed(detached, mounts)) continue;
    const key = snapshotOfLease(lease);
    if (key !== lease.id) await ignoreMissing(() => snapshotter().release(key));
    await ignoreMissing(() => store.leases.remove(lease.id));
  }
}

/** Removes the views of mounts that were killed before they had a lease. It reads all views. */
export async function removeDeadViews(
  store: DiskStore,
  snapshotter: () => Snapshotter,
): Promise<void> {
  await endAll(store, deadViews(store), snapshotter);
}

async function endAll(
  store: DiskStore,
  dead: readonly DeadMount[],
  snapshotter: () => Snapshotter,
): Promise<void> {
  if (dead.length === 0) return;
  const made = snapshotter();
  for (const one of dead) await end(store, made, one);
}

async function end(store: DiskStore, snapshotter: Snapshotter, dead: DeadMount): Promise<void> {
  const { id, lease } = dead;
  const found = tryLockTarget(id.slice(mountId("").length));
  if (found === "busy" || found === "gone" && dead.mayBeRenamed) return;
  using _ = found === "gone" ? null : found;
  // Another process may have mounted there and unlocked the directory meanwhile.
  if (store.leases.get(id)?.createdAt !== lease?.createdAt) return;
  if (lease === undefined) {
    const row = store.snapshots.read((table) => table.get(id));
    if (row?.createdAt !== dead.viewedAt) return;
  } else {
    // It may have had a lease, but no mount yet, when the mounts were listed.
    if (!isDead(store, lease, readMountInfo())) return;
    const key = snapshotOfLease(lease);
    if (key !== id) await ignoreMissing(() => snapshotter.release(key));
  }
  await forgetMount(store, snapshotter, id);
}

function deadLeases(store: DiskStore): DeadMount[] {
  const leases = store.leases.list().filter(({ labels }) => labels[MOUNT_LABEL] !== undefined);
  if (leases.length === 0) return [];
  const mounts = readMountInfo();
  return leases.filter((lease) => isDead(store, lease, mounts)).map((lease) => ({
    id: lease.id,
    lease,
    mayBeRenamed: !isOfOtherBoot(lease),
  }));
}

function isDead({ root }: DiskStore, lease: Lease, mounts: readonly MountInfo[]): boolean {
  const target = lease.labels[MOUNT_LABEL] as string;
  if (lease.id !== mountId(target) || mountState(root, lease, mounts) !== "stale") return false;
  const mount = findMount(mounts, fromText(target));
  if (mount !== undefined && isMountOf(root, mount)) return false;
  const made = lease.labels[NAMESPACE_LABEL];
  return made === undefined || made === mountNamespace() || isOfOtherBoot(lease);
}

function isOfOtherBoot({ labels }: Lease): boolean {
  const made = labels[NAMESPACE_LABEL]?.split(" ")[0] ?? "";
  const boot = mountNamespace().split(" ")[0] ?? "";
  return made !== "" && boot !== "" && made !== boot;
}

/** Views of mounts without a lease, while no process is between the two. */
function deadViews(store: DiskStore): DeadMount[] {
  const prefix = mountId("/");
  const views = store.snapshots.read((table) => table.byKind("view")).filter(({ key }) =>
    key.startsWith(prefix) && store.leases.get(key) === undefined
  );
  if (views.length === 0) return [];
  using alone = tryLockLowersAlone(store.directories.mounts);
  if (alone === undefined) return [];
  return views.filter(({ key }) => store.leases.get(key) === undefined)
    .map(({ key, createdAt }) => ({
      id: key,
      lease: undefined,
      viewedAt: createdAt,
      mayBeRenamed: false,
    }));
}

/** Locks a directory, so that no process mounts there. */
function tryLockTarget(path: string): MountTarget | "gone" | "busy" {
  let target: MountTarget;
  try {
    target = openMountTarget(path);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return error.code === "E_NOT_FOUND" || error.code === "E_USAGE" ? "gone" : "busy";
  }
  if (target.tryLock()) return target;
  target[Symbol.dispose]();
  return "busy";
}
