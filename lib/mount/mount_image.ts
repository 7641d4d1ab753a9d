import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  findMount,
  mayMount,
  type Mount,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  performMount,
  performUnmount,
  readMountInfo,
} from "../linux/mod.ts";
import {
  isOurs,
  mountId,
  mountNamespace,
  NAMESPACE_LABEL,
  refuseBusy,
  signed,
  stateOf,
} from "../snapshot/internal.ts";
import { imageLabels, MOUNT_LABEL, type SnapshotInfo, type Snapshotter } from "../snapshot/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { DiskStore, Lease, Store, StoredImage } from "../store/mod.ts";
import { isWithin, openMountTarget } from "./mount_target.ts";
import { forget, unmountImage } from "./unmount_image.ts";

/** What {@linkcode mountImage} needs. */
export interface MountImageOptions {
  /** Where the image is. */
  readonly store: Store;
  /** Makes the snapshot. */
  readonly snapshotter: Snapshotter;
  /** The image. */
  readonly image: StoredImage;
  /** An existing directory. */
  readonly target: string;
  /** Key of a read-write snapshot; made if there is none. Read-only without it. */
  readonly key?: string | undefined;
  /** The clock, ms since the epoch. */
  readonly now?: (() => number) | undefined;
  /** Cancels the extraction of layers. */
  readonly signal?: AbortSignal | undefined;
}

/** A mounted image; disposing it unmounts. */
export interface MountedImage extends AsyncDisposable {
  /** The directory, absolute and without symbolic links. */
  readonly target: string;
  /** Key of the snapshot that is mounted. */
  readonly key: string;
  /** Whether it may only be read. */
  readonly readOnly: boolean;
  /** What was mounted. */
  readonly mounts: readonly Mount[];
}

/**
 * Mounts an image at a directory: read-only, or with the read-write snapshot
 * `key` on top, which outlives the mount. A lease keeps what it needs until
 * {@linkcode unmountImage}; one that a crash or a reboot left behind is replaced.
 *
 * @throws {VarveError} `E_UNSUPPORTED` this process may not mount · `E_NOT_FOUND` no such directory ·
 * `E_USAGE` it is no directory, or the store is in it or around it · `E_PRECONDITION` something is mounted there ·
 * `E_EXISTS` the key is of another parent or kind · `E_BUSY` the key is mounted elsewhere, or another process is
 * mounting there
 *
 * @example
 * ```ts ignore
 * await using mounted = await mountImage({ store, snapshotter, image, target: "/mnt" });
 * ```
 */
export async function mountImage(options: MountImageOptions): Promise<MountedImage> {
  const { snapshotter, image, key } = options;
  const store = requireDisk(options.store, "mount an image");
  refuseUnprivileged(image.record.name);
  using directory = openMountTarget(options.target);
  const target = directory.path;
  // Before the lock: it may be one that the store itself waits for.
  refuseStore(store, target);
  directory.lock();
  refuseMounted(store, target);
  await forget(store, snapshotter, mountId(target));
  const parent = image.chainId === null ? null : snapshotter.ensureChain(image.chainId);
  const prepared = await prepare(options, target, parent);
  // One upper directory must never be mounted twice.
  using _ = key === undefined ? null : lockSnapshot(store, snapshotter.stat(key));
  if (key !== undefined) refuseBusy(store, key);
  try {
    store.leases.create(leaseOf(options, target, prepared.key));
    performAll(prepared.mounts, target);
  } catch (error) {
    await forget(store, snapshotter, mountId(target));
    if (prepared.fresh && key !== undefined) await snapshotter.remove(key);
    throw error;
  }
  return {
    target,
    key: prepared.key,
    readOnly: key === undefined,
    mounts: prepared.mounts,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        await unmountImage({ store, snapshotter, target });
      } catch (error) {
        if (!(error instanceof VarveError && error.code === "E_NOT_FOUND")) throw error;
      }
    },
  };
}

/**
 * Checks that an image can be mounted at a directory, before there is an image.
 *
 * @returns its path, absolute and without symbolic links
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
    hint: "'varve unpack' makes plain files without privileges",
  });
}

interface Prepared {
  readonly key: string;
  readonly mounts: readonly Mount[];
  /** Whether the snapshot was made for this mount. */
  readonly fresh: boolean;
}

async function prepare(
  { store, snapshotter, key, ...rest }: MountImageOptions,
  target: string,
  parent: string | null,
): Promise<Prepared> {
  const options = { signal: rest.signal };
  if (key === undefined) {
    const id = mountId(target);
    return { key: id, mounts: await snapshotter.view(id, parent, options), fresh: true };
  }
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined) {
    const labelled = { ...options, labels: imageLabels(rest.image) };
    return { key, mounts: await snapshotter.prepare(key, parent, labelled), fresh: true };
  }
  if (row.kind !== "active" || row.parent !== parent) {
    throw new VarveError(
      "E_EXISTS",
      `Cannot mount with snapshot ${JSON.stringify(key)}: it is ${
        row.kind === "active" ? "on top of another image" : `a ${row.kind} snapshot`
      }`,
      { subject: key, hint: "choose another key, or remove it with 'varve snapshot rm'" },
    );
  }
  return { key, mounts: await snapshotter.mounts(key, options), fresh: false };
}

/** Keeps others from mounting a snapshot meanwhile. @throws {VarveError} `E_BUSY` */
function lockSnapshot(store: DiskStore, { key, cacheId }: SnapshotInfo): OwnedFd | null {
  if (cacheId === null) return null;
  const path = fromText(store.directories.snapshot(cacheId));
  const directory = ownFd(openDirectoryAt(CWD, path));
  if (directory.lock("exclusive")) return directory;
  directory[Symbol.dispose]();
  throw new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${JSON.stringify(key)}: another process is mounting it`,
    { subject: key },
  );
}

function performAll(mounts: readonly Mount[], target: string): void {
  let done = 0;
  try {
    for (const mount of mounts) {
      performMount(signed(mount), fromText(target));
      done++;
    }
  } catch (error) {
    for (; done > 0; done--) performUnmount(fromText(target), { lazy: true });
    throw error;
  }
}

/** A mount in the store, or over it, would hide what it is made of. */
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
  const elsewhere = lease !== undefined && stateOf(lease, mounts) === "elsewhere";
  if (mount === undefined && !elsewhere) return;
  const ours = lease !== undefined && mount !== undefined && isOurs(mount);
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot mount at ${target}: ${
      ours || elsewhere ? "an image of this store" : "something"
    } is mounted there${elsewhere ? ", in another mount namespace" : ""}`,
    { subject: target, ...(ours ? { hint: `varve umount ${target}` } : {}) },
  );
}

function leaseOf(options: MountImageOptions, target: string, key: string): Lease {
  const { image } = options;
  return {
    id: mountId(target),
    createdAt: (options.now ?? Date.now)(),
    expiresAt: null,
    labels: { [MOUNT_LABEL]: target, [NAMESPACE_LABEL]: mountNamespace() },
    resources: [
      `snapshot:${key}`,
      `image:${image.record.name}`,
      ...(image.chainId === null ? [] : [`chain:${image.chainId}`]),
    ],
  };
}
