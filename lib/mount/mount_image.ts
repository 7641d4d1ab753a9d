import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  findMount,
  mayMount,
  type Mount,
  performMount,
  performUnmount,
  readMountInfo,
} from "../linux/mod.ts";
import {
  boundCaches,
  holdLowers,
  isMountOf,
  leaseResources,
  lockWritable,
  mountId,
  mountNamespace,
  mountState,
  NAMESPACE_LABEL,
  openWritable,
  refuseBusy,
  withVarveSource,
  type WritableSnapshot,
} from "../snapshot/internal.ts";
import {
  createSnapshotter,
  MOUNT_LABEL,
  type Snapshotter,
  type SnapshotterOptions,
} from "../snapshot/mod.ts";
import { requireDisk } from "../store/internal.ts";
import {
  type DiskStore,
  type ImageArgument,
  type Lease,
  type PlatformChoice,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import { endDeadMounts } from "./dead_mounts.ts";
import { isWithin } from "./is_within.ts";
import { openMountTarget } from "./mount_target.ts";
import { forgetMount } from "./forget_mount.ts";
import { unmountImage } from "./unmount_image.ts";

/** Options of {@linkcode mountImage}. */
export interface MountImageOptions
  extends PlatformChoice, Pick<SnapshotterOptions, "driver" | "pool" | "onWarning"> {
  /** Makes the snapshot that is mounted. When absent, a snapshotter is made with `driver` and `pool`. */
  readonly snapshotter?: Snapshotter | undefined;
  /**
   * Key of a read-write snapshot, which is made if it does not exist. Without a key the mount is
   * read-only.
   */
  readonly key?: string | undefined;
  /** The clock, in ms since the epoch; `Date.now` by default. */
  readonly now?: (() => number) | undefined;
  /** Aborts the extraction of layers. */
  readonly signal?: AbortSignal | undefined;
}

/** A mounted image; dispose to unmount. */
export interface MountedImage extends AsyncDisposable {
  /** The directory where it is mounted, absolute and without symbolic links. */
  readonly target: string;
  /** Key of the snapshot that is mounted. */
  readonly key: string;
  /** Whether the mount is read-only. */
  readonly readOnly: boolean;
  /** The mounts that were performed, in order. */
  readonly mounts: readonly Mount[];
}

/**
 * Mounts an image at a directory: read-only, or with the read-write snapshot `key` on top. The snapshot stays after the
 * mount ends. A lease protects what the mount needs until {@linkcode unmountImage}. A lease that a crash or a reboot
 * left behind is replaced, and those of other directories end, too.
 *
 * @throws {VarveError} `E_UNSUPPORTED` this process may not mount · `E_NOT_FOUND` no such directory · `E_USAGE` the
 * target is not a directory, or contains the store, or is inside the store · `E_PRECONDITION` something is mounted
 * there · `E_EXISTS` the snapshot `key` has another parent or kind · `E_BUSY` the snapshot is mounted elsewhere, or
 * another process is mounting there
 *
 * @example
 * ```ts ignore
 * await using mounted = await mountImage(store, "app:1", "/mnt");
 * console.log(mounted.target, mounted.readOnly);
 * ```
 */
export async function mountImage(
  store: Store,
  image: ImageArgument,
  target: string,
  options: MountImageOptions = {},
): Promise<MountedImage> {
  const disk = requireDisk(store, "mount an image");
  const stored = await readImage(disk, image, options);
  refuseUnprivileged(stored.record.name);
  const snapshotter = options.snapshotter ?? createSnapshotter(disk, options);
  const { key, signal, now = Date.now } = options;
  const request = { store: disk, snapshotter, image: stored, key, signal, now };
  const mounted = await mountStored(request, target);
  await boundCaches(disk, signal);
  return mounted;
}

/** Everything that a mount needs. */
interface MountRequest {
  readonly store: DiskStore;
  readonly snapshotter: Snapshotter;
  readonly image: StoredImage;
  readonly key: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly now: () => number;
}

async function mountStored(request: MountRequest, path: string): Promise<MountedImage> {
  const { store, snapshotter, key } = request;
  using directory = openMountTarget(path);
  const target = directory.path;
  // Check this before the lock. A directory inside the store may be one that the store itself locks.
  refuseStore(store, target);
  directory.lock();
  refuseMounted(store, target);
  const id = mountId(target);
  await endDeadMounts(store, () => snapshotter);
  await forgetMount(store, snapshotter, id);
  // Until the lease is written, only this says that a view without a lease is not left over.
  using held = await holdLowers(store, request.signal);
  const writable = key === undefined ? null : await openWritable({ ...request, key });
  const mounts = writable?.mounts ?? await viewOf(request, id);
  // One upper directory must never be mounted twice.
  using lock = writable === null ? null : await lockIdle(request, writable);
  try {
    store.leases.create(leaseOf(request, target, key ?? id));
    held[Symbol.dispose]();
    performAll(mounts, target);
  } catch (error) {
    await forgetMount(store, snapshotter, id);
    lock?.[Symbol.dispose]();
    if (writable?.isNew) await snapshotter.remove(writable.key);
    else if (writable !== null) snapshotter.release(writable.key);
    throw error;
  }
  return {
    target,
    key: key ?? id,
    readOnly: writable === null,
    mounts,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        await unmountImage(store, target, { snapshotter });
      } catch (error) {
        if (!(error instanceof VarveError && error.code === "E_NOT_FOUND")) throw error;
      }
    },
  };
}

/**
 * Checks that an image can be mounted at a directory. The image need not exist yet.
 *
 * @returns the path of the directory, absolute and without symbolic links
 * @throws {VarveError} as {@linkcode mountImage} does for the directory
 */
export function checkMountTarget(store: Store, target: string): string {
  refuseUnprivileged(`at ${target}`);
  using directory = openMountTarget(target);
  refuseStore(store, directory.path);
  refuseMounted(store, directory.path);
  return directory.path;
}

function refuseUnprivileged(what: string): void {
  if (mayMount()) return;
  throw new VarveError("E_UNSUPPORTED", `Cannot mount ${what}: only root may mount`, {
    hint: "unpack the image: plain files need no privileges",
  });
}

/** Makes the view that a read-only mount shows. */
async function viewOf(
  { snapshotter, image, signal }: MountRequest,
  key: string,
): Promise<readonly Mount[]> {
  const parent = image.chainId === null ? null : snapshotter.ensureChain(image.chainId);
  return await snapshotter.view(key, parent, { signal });
}

/** Locks a snapshot that is not mounted. @throws {VarveError} `E_BUSY` it is mounted, or is about to be */
async function lockIdle(
  request: MountRequest,
  writable: WritableSnapshot,
): Promise<Disposable> {
  const lock = await lockWritable(request, writable);
  try {
    refuseBusy(request.store, writable.key);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Performs all mounts. If one fails, those before it are undone. */
function performAll(mounts: readonly Mount[], target: string): void {
  let done = 0;
  try {
    for (const mount of mounts) {
      performMount(withVarveSource(mount), fromText(target));
      done++;
    }
  } catch (error) {
    for (; done > 0; done--) performUnmount(fromText(target), { lazy: true });
    throw error;
  }
}

/** Refuses a target that is inside the store or contains it, because the mount would hide files of the store. */
function refuseStore(store: Store, target: string): void {
  if (store.root === null) return;
  const root = Deno.realPathSync(store.root);
  if (!isWithin(target, root) && !isWithin(root, target)) return;
  throw new VarveError("E_USAGE", `Cannot mount at ${target}: it would hide the store ${root}`, {
    subject: target,
  });
}

function refuseMounted(store: Store, target: string): void {
  const mounts = readMountInfo();
  const mount = findMount(mounts, fromText(target));
  const lease = store.leases.get(mountId(target));
  const elsewhere = lease !== undefined && mountState(store.root, lease, mounts) === "elsewhere";
  if (mount === undefined && !elsewhere) return;
  const ours = lease !== undefined && mount !== undefined && isMountOf(store.root, mount);
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot mount at ${target}: ${
      ours || elsewhere ? "an image of this store" : "something"
    } is mounted there${elsewhere ? ", in another mount namespace" : ""}`,
    { subject: target, hint: ours ? `unmount ${target}` : undefined },
  );
}

function leaseOf({ image, now }: MountRequest, target: string, key: string): Lease {
  return {
    id: mountId(target),
    createdAt: now(),
    expiresAt: null,
    labels: { [MOUNT_LABEL]: target, [NAMESPACE_LABEL]: mountNamespace() },
    resources: leaseResources(key, image),
  };
}
