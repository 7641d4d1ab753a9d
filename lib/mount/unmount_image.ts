import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  absolutePath,
  findMount,
  hasFileSystem,
  isNoSpace,
  type MountInfo,
  pauseThread,
  performUnmount,
  readMountInfo,
} from "../linux/mod.ts";
import {
  detachedLease,
  detachedOf,
  ignoreMissing,
  isDetachedUsed,
  isMountOf,
  mountId,
  mountState,
  snapshotOfLease,
  trimLowers,
} from "../snapshot/internal.ts";
import { createSnapshotter, type Snapshotter } from "../snapshot/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Lease, Store } from "../store/mod.ts";
import { endDeadMounts } from "./dead_mounts.ts";
import { forgetMount } from "./forget_mount.ts";
import { type MountTarget, openMountTarget } from "./mount_target.ts";
import { usersOf } from "./mount_users.ts";

/**
 * Pauses between two looks at a mount after it was unmounted, in ms. The kernel closes files of processes that have ended
 * some time later, and a container that begins has a copy of all mounts until it has changed its root.
 */
const PAUSES = [5, 5, 10, 20, 40, 80];

/** Options of {@linkcode unmountImage}. */
export interface UnmountImageOptions {
  /** Removes the view of a read-only mount. When absent, a snapshotter is made. */
  readonly snapshotter?: Snapshotter | undefined;
  /**
   * Detach the mount now even if it is in use. It ends when its last user has finished; until then a lease keeps what it
   * needs. Default: false.
   */
  readonly lazy?: boolean | undefined;
}

/** What was unmounted. */
export interface UnmountedImage {
  /** Key of the snapshot that was mounted. */
  readonly key: string;
  /**
   * Whether something still uses the mount, which cannot be seen any more: processes after a lazy unmount, or another
   * mount namespace. Until that ends, the layers of the image and the snapshot are kept.
   */
  readonly inUse: boolean;
}

/**
 * Unmounts what `mountImage` mounted, and removes its lease. A read-write snapshot stays. After a
 * crash or a reboot, when nothing is mounted any more, only the lease and the view are removed.
 *
 * @returns the key of the snapshot that was mounted, and whether something still uses the mount
 * @throws {VarveError} `E_NOT_FOUND` nothing of this store is mounted there · `E_BUSY` it is in use, or another process mounts
 * there now ·
 * `E_PRECONDITION` something else is mounted over it, or it is in another mount namespace
 */
export async function unmountImage(
  store: Store,
  path: string,
  options: UnmountImageOptions = {},
): Promise<UnmountedImage> {
  const target = realPath(path, store);
  const id = mountId(target);
  const lease = store.leases.get(id);
  if (lease === undefined) {
    // An unmount that was killed may have left lowers.
    trimLowers(requireDisk(store, "unmount"));
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot unmount ${target}: nothing of this store is mounted there`,
      { subject: target },
    );
  }
  const mounts = readMountInfo();
  const mount = findMount(mounts, fromText(target));
  const elsewhere = mountState(store.root, lease, mounts) === "elsewhere";
  if (elsewhere || mount !== undefined && !isMountOf(store.root, mount)) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot unmount ${target}: ${
        elsewhere ? "it is mounted in another mount namespace" : "something else is mounted over it"
      }`,
      { subject: target },
    );
  }
  const snapshotter = options.snapshotter ?? createSnapshotter(store);
  const key = snapshotOfLease(lease);
  const inUse = mount === undefined
    ? false
    : detach(store, { mount, lease, lazy: options.lazy ?? false }, target);
  // Another process may mount here again at once. Then that process removes the old lease.
  using directory = openIfThere(target);
  const isIdle = directory === undefined || directory.tryLock();
  if (
    mount === undefined && (!isIdle || mountState(store.root, lease, readMountInfo()) !== "stale")
  ) {
    throw new VarveError("E_BUSY", `Cannot unmount ${target}: another process uses it now`, {
      subject: target,
      hint: "try again",
    });
  }
  // While there is a lease, the same command can be given again after a kill.
  if (key !== id) await ignoreMissing(() => snapshotter.release(key));
  if (isIdle && store.leases.get(id)?.createdAt === lease.createdAt) {
    await forgetWithHint(store, snapshotter, target);
  }
  directory?.[Symbol.dispose]();
  await endDeadMounts(requireDisk(store, "unmount"), () => snapshotter);
  return { key, inUse };
}

/** A mount that is to end. */
interface EndingMount {
  readonly mount: MountInfo;
  readonly lease: Lease;
  readonly lazy: boolean;
}

/** Unmounts, and leaves a lease if something still uses the mount. Returns whether that is so. */
function detach(store: Store, { mount, lease, lazy }: EndingMount, target: string): boolean {
  const key = snapshotOfLease(lease);
  const detached = detachedLease(mount, {
    // The view of a read-only mount goes now; what it showed is kept.
    resources: lease.resources.filter((one) => key !== lease.id || one !== `snapshot:${key}`),
    now: Date.now(),
  });
  // A lazy unmount leaves users as a rule: after a kill, the lease says so.
  const isKept = lazy && keep(store, detached);
  try {
    unmount(target, lazy);
  } catch (error) {
    if (isKept) store.leases.remove(detached.id);
    throw error;
  }
  const facts = detachedOf(detached);
  // Where the kernel does not tell, all processes are looked at. Without `lazy`, it has refused to unmount for those.
  const isKnown = lazy || mount.type === "overlay" && hasFileSystem(mount.device) !== undefined;
  const isUsed = () => isKnown && facts !== undefined && isDetachedUsed(facts, readMountInfo());
  let inUse = isUsed();
  for (const pause of lazy ? [] : PAUSES) {
    if (!inUse) break;
    pauseThread(pause);
    inUse = isUsed();
  }
  if (inUse && !isKept) keep(store, detached);
  if (!inUse && isKept) store.leases.remove(detached.id);
  return inUse;
}

/** Creates a lease. On a full disk it does not: the unmount is more important. Returns whether it did. */
function keep(store: Store, lease: Lease): boolean {
  try {
    store.leases.create(lease);
    return true;
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    return false;
  }
}

/** Unmounts. An error about a mount in use says what uses it. */
function unmount(target: string, lazy: boolean): void {
  try {
    performUnmount(fromText(target), { lazy });
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_BUSY")) throw error;
    const users = usersOf(fromText(target));
    if (users === "") throw error;
    throw new VarveError("E_BUSY", `${error.message} by ${users}`, error.details, { cause: error });
  }
}

/** Removes the lease and view of a mount that was unmounted. If this fails, a hint says how to repair the store. */
async function forgetWithHint(
  store: Store,
  snapshotter: Snapshotter,
  target: string,
): Promise<void> {
  try {
    await forgetMount(store, snapshotter, mountId(target));
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const hint = `nothing is mounted there any more: unmount ${target} again to repair the store`;
    throw new VarveError(error.code, error.message, { ...error.details, hint }, { cause: error });
  }
}

/** Resolves a target. If the target does not exist any more, and there is a lease for it, the former path is used. */
function realPath(path: string, store: Store): string {
  try {
    using directory = openMountTarget(path);
    return directory.path;
  } catch (error) {
    if (!isGone(error)) throw error;
    const former = formerPath(path);
    if (store.leases.get(mountId(former)) !== undefined) return former;
    throw error;
  }
}

/** Resolves a path that does not exist. The part that exists is resolved. The other names stay as they are written. */
function formerPath(path: string): string {
  const names = absolutePath(path).split("/").filter((name) => name !== "");
  for (let i = names.length;; i--) {
    try {
      const real = Deno.realPathSync(`/${names.slice(0, i).join("/")}`);
      return [real === "/" ? "" : real, ...names.slice(i)].join("/");
    } catch (error) {
      if (i === 0) throw error;
    }
  }
}

function openIfThere(target: string): MountTarget | undefined {
  try {
    return openMountTarget(target);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that a path does not exist, or is not a directory. */
function isGone(error: unknown): boolean {
  return error instanceof VarveError && (error.code === "E_NOT_FOUND" || error.code === "E_USAGE");
}
