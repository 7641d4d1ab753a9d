import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { absolutePath, findMount, performUnmount, readMountInfo } from "../linux/mod.ts";
import { isOurs, keyOf, mountId, stateOf } from "../snapshot/internal.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { Store } from "../store/mod.ts";
import { type MountTarget, openMountTarget } from "./mount_target.ts";

/** What {@linkcode unmountImage} needs. */
export interface UnmountImageOptions {
  /** The store of the image. */
  readonly store: Store;
  /** Removes the snapshot of a read-only mount. */
  readonly snapshotter: Snapshotter;
  /** The directory. */
  readonly target: string;
  /** Detach it now, also when it is in use: it goes with its last user. */
  readonly lazy?: boolean | undefined;
}

/**
 * Unmounts what `mountImage` mounted. A read-write snapshot stays. After a
 * crash or a reboot, when nothing is mounted any more, it puts the books right.
 *
 * @returns the key of the snapshot that was mounted
 * @throws {VarveError} `E_NOT_FOUND` nothing of this store is mounted there · `E_BUSY` it is in use ·
 * `E_PRECONDITION` something else is mounted over it, or it is in another mount namespace
 */
export async function unmountImage(
  options: UnmountImageOptions,
): Promise<{ readonly key: string }> {
  const { store, snapshotter } = options;
  const target = realPath(options.target, store);
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
  const elsewhere = stateOf(lease, mounts) === "elsewhere";
  if (elsewhere || mount !== undefined && !isOurs(mount)) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot unmount ${target}: ${
        elsewhere ? "it is mounted in another mount namespace" : "something else is mounted over it"
      }`,
      { subject: target },
    );
  }
  performUnmount(fromText(target), { lazy: options.lazy ?? false });
  // Another process may mount here at once; it then puts the books right itself.
  using directory = openIfThere(target);
  const isFree = directory === undefined || directory.tryLock();
  if (isFree && store.leases.get(id)?.createdAt === lease.createdAt) {
    await forgetUnmounted(store, snapshotter, id, target);
  }
  return { key: keyOf(lease) };
}

async function forgetUnmounted(
  store: Store,
  snapshotter: Snapshotter,
  id: string,
  target: string,
): Promise<void> {
  try {
    await forget(store, snapshotter, id);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const hint =
      `nothing is mounted there any more: varve umount ${target} again puts the store right`;
    throw new VarveError(error.code, error.message, { ...error.details, hint }, { cause: error });
  }
}

/** Removes the lease of a mount, and the snapshot that was made for it. What is gone already is no error. */
export async function forget(store: Store, snapshotter: Snapshotter, id: string): Promise<void> {
  // A snapshot that somebody made under such a key is none of ours.
  await ifThere(async () => {
    if (snapshotter.stat(id).kind === "view") await snapshotter.remove(id);
  });
  await ifThere(() => store.leases.remove(id));
}

async function ifThere(remove: () => void | Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_NOT_FOUND")) throw error;
  }
}

/** The directory, or where one was that is gone, when the books still say that it is a mount. */
function realPath(path: string, store: Store): string {
  try {
    using directory = openMountTarget(path);
    return directory.path;
  } catch (error) {
    const former = formerPath(path);
    if (isGone(error) && store.leases.get(mountId(former)) !== undefined) return former;
    throw error;
  }
}

/** Where a path led: its way as far as it is there, then as it is written. */
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

/** Whether an error says that there is no such directory, or no directory. */
function isGone(error: unknown): boolean {
  return error instanceof VarveError && (error.code === "E_NOT_FOUND" || error.code === "E_USAGE");
}
