import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { absolutePath, findMount, performUnmount, readMountInfo } from "../linux/mod.ts";
import {
  ignoreMissing,
  isVarveMount,
  mountId,
  mountState,
  snapshotOfLease,
  trimRequestedLowers,
} from "../snapshot/internal.ts";
import { createSnapshotter, type Snapshotter } from "../snapshot/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import { endDeadMounts } from "./dead_mounts.ts";
import { forgetMount } from "./forget_mount.ts";
import { type MountTarget, openMountTarget } from "./mount_target.ts";
import { usersOf } from "./mount_users.ts";

/** Options of {@linkcode unmountImage}. */
export interface UnmountImageOptions {
  /** Removes the view of a read-only mount. When absent, a snapshotter is made. */
  readonly snapshotter?: Snapshotter | undefined;
  /** Detach the mount now even if it is in use. It ends when its last user has finished. Default: false. */
  readonly lazy?: boolean | undefined;
}

/**
 * Unmounts what `mountImage` mounted, and removes its lease. A read-write snapshot stays. After a
 * crash or a reboot, when nothing is mounted any more, only the lease and the view are removed.
 *
 * @returns the key of the snapshot that was mounted
 * @throws {VarveError} `E_NOT_FOUND` nothing of this store is mounted there · `E_BUSY` it is in use ·
 * `E_PRECONDITION` something else is mounted over it, or it is in another mount namespace
 */
export async function unmountImage(
  store: Store,
  path: string,
  options: UnmountImageOptions = {},
): Promise<{ readonly key: string }> {
  const target = realPath(path, store);
  const id = mountId(target);
  const lease = store.leases.get(id);
  if (lease === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot unmount ${target}: nothing of this store is mounted there`,
      { subject: target },
    );
  }
  const mounts = readMountInfo();
  const mount = findMount(mounts, fromText(target));
  const elsewhere = mountState(lease, mounts) === "elsewhere";
  if (elsewhere || mount !== undefined && !isVarveMount(mount)) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot unmount ${target}: ${
        elsewhere ? "it is mounted in another mount namespace" : "something else is mounted over it"
      }`,
      { subject: target },
    );
  }
  const snapshotter = options.snapshotter ?? createSnapshotter(store);
  unmount(target, options.lazy ?? false);
  // Another process may mount here again at once. Then that process removes the old lease.
  using directory = openIfThere(target);
  const isIdle = directory === undefined || directory.tryLock();
  // While there is a lease, the same command can be given again after a kill.
  const key = snapshotOfLease(lease);
  if (key !== id) await ignoreMissing(() => snapshotter.release(key));
  if (isIdle && store.leases.get(id)?.createdAt === lease.createdAt) {
    await forgetWithHint(store, snapshotter, target);
  }
  directory?.[Symbol.dispose]();
  const disk = requireDisk(store, "unmount");
  await endDeadMounts(disk, () => snapshotter);
  trimRequestedLowers(disk);
  return { key };
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
