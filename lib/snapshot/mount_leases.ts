/**
 * Leases of mounts, compared with what the kernel says is mounted.
 *
 * Every mount of an image has a lease `mount:<directory>`. The lease may be stale, after a crash or a
 * reboot. Or it may be of another mount namespace, whose mounts this process cannot see.
 */
import { fromText } from "../bytes/mod.ts";
import { IMAGE } from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  findMount,
  isErrno,
  type Mount,
  type MountInfo,
  Open,
  openAt,
  ownFd,
  processIds,
  readKernelFile,
  readKernelLink,
  readMountInfo,
} from "../linux/mod.ts";
import { DRIVER_FILES, ROOT_FILES, SNAPSHOT_FILES } from "../store/internal.ts";
import type { DiskStore, Lease, Store } from "../store/mod.ts";
import { boundPaths } from "./bound_path.ts";
import { detachedOf, isDetachedUsed } from "./detached_mounts.ts";
import { isBound, isOfOtherStore } from "./other_store.ts";
import { quoteKey } from "./keys.ts";
import { snapshotOfLease } from "./lease_resources.ts";

/** Label of a mount's lease: the directory where the image is mounted. */
export const MOUNT_LABEL = "varve.mount";
/** Label of a mount's lease: boot id and mount namespace, as {@linkcode mountNamespace} gives them. */
export const NAMESPACE_LABEL = "varve.mount.namespace";
/** Source in mountinfo of the overlays that varve itself mounts. */
const MOUNT_SOURCE = "varve";

/**
 * Source in mountinfo of a composed image. It is the path of the file, the loop device over the file, or, if the path
 * contains a backslash, the descriptor by which the file was mounted.
 */
const COMPOSED_SOURCE = new RegExp(
  `/${ROOT_FILES.chains}/[0-9]+/${DRIVER_FILES.composed}(?:-above-[0-9a-f]+)?/${IMAGE}$|^/proc/self/fd/[0-9]+$|^/dev/loop[0-9]+$`,
);

/** Id of the lease of a mount. The view that a read-only mount shows has this id as its key. */
export function mountId(target: string): string {
  return `mount:${target}`;
}

/** Boot id and mount namespace of this process, as one text. */
export function mountNamespace(): string {
  const boot = readKernelFile("/proc/sys/kernel/random/boot_id") ?? "";
  return `${boot.trim()} ${readKernelLink("/proc/self/ns/mnt") ?? ""}`;
}

/** What became of a mount that has a lease. */
export type MountState =
  /** The image is mounted. */
  | "live"
  /** The image is not mounted any more, but the lease is still there. */
  | "stale"
  /** The image is mounted in the mount namespace of another process. */
  | "elsewhere";

/** The mount namespaces of this machine, looked up once for many leases. */
class Namespaces {
  /** Boot id and mount namespace of this process. */
  readonly own: string = mountNamespace();
  readonly #live = new Map<string, boolean>();

  /** Whether a mount namespace has a process that this process can see. */
  isLive(namespace: string): boolean {
    const known = this.#live.get(namespace) ?? hasProcess(namespace);
    this.#live.set(namespace, known);
    return known;
  }
}

/**
 * Finds out what became of the mount of a lease. For many leases, pass the same `namespaces`.
 *
 * @param root absolute path of the store; `null` for a store without files
 */
export function mountState(
  root: string | null,
  lease: Lease,
  mounts: readonly MountInfo[],
  namespaces: Namespaces = new Namespaces(),
): MountState {
  const labelled = lease.labels[NAMESPACE_LABEL];
  if (labelled === undefined || labelled === namespaces.own) {
    const mount = findMount(mounts, fromText(lease.labels[MOUNT_LABEL] ?? ""));
    return mount !== undefined && isMountOf(root, mount) ? "live" : "stale";
  }
  const [boot, namespace = ""] = labelled.split(" ");
  if (boot !== namespaces.own.split(" ")[0]) return "stale";
  return namespaces.isLive(namespace) ? "elsewhere" : "stale";
}

/**
 * Whether varve made a mount, of this store. For an overlay and a composed EROFS image, the source shows it; for a bind,
 * the directory that is bound.
 *
 * @param root as for {@linkcode mountState}
 */
export function isMountOf(root: string | null, mount: MountInfo): boolean {
  const isVarves = mount.source === MOUNT_SOURCE || isBound(mount) ||
    mount.type === "erofs" && COMPOSED_SOURCE.test(mount.source);
  return isVarves && (root === null || !isOfOtherStore(root, mount));
}

/**
 * Sets the source of an overlay to varve's name, so that {@linkcode isMountOf} recognises it. The sources of other
 * mounts have a meaning and stay.
 */
export function withVarveSource(mount: Mount): Mount {
  return mount.type === "overlay" ? { ...mount, source: fromText(MOUNT_SOURCE) } : mount;
}

/** Whether a mount namespace has a process that this process can see. */
function hasProcess(namespace: string): boolean {
  for (const name of processIds()) {
    // Undefined if the process ended meanwhile, or this user may not look at it.
    if (readKernelLink(`/proc/${name}/ns/mnt`) === namespace) return true;
  }
  return false;
}

/** The leases of mounts that are not stale, by the directory where the image is mounted. */
export function liveMounts(store: Store): Map<string, Lease> {
  const live = new Map<string, Lease>();
  const leases = store.leases.list().filter(({ labels }) => labels[MOUNT_LABEL] !== undefined);
  if (leases.length === 0) return live;
  const mounts = readMountInfo();
  const namespaces = new Namespaces();
  for (const lease of leases) {
    if (mountState(store.root, lease, mounts, namespaces) === "stale") continue;
    live.set(lease.labels[MOUNT_LABEL] as string, lease);
  }
  return live;
}

/**
 * Returns a function that tells whether a lease is live: the lease of a mount while the kernel shows the mount, that of a
 * detached mount while something uses it, that of a run while its lock is held, and any other until it expires.
 *
 * @param now the time, in ms since the epoch
 * @param root as for {@linkcode mountState}
 */
export function leaseLiveness(now: number, root: string | null): (lease: Lease) => boolean {
  let mounts: readonly MountInfo[] | undefined;
  let namespaces: Namespaces | undefined;
  return (lease) => {
    const lock = lease.labels[LOCK_LABEL];
    const detached = detachedOf(lease);
    if (detached !== undefined) return isDetachedUsed(detached, mounts ??= readMountInfo());
    if (lease.labels[MOUNT_LABEL] !== undefined) {
      mounts ??= readMountInfo();
      return mountState(root, lease, mounts, namespaces ??= new Namespaces()) !== "stale";
    }
    if (lock !== undefined) return isLocked(root, lock);
    return lease.expiresAt === null || lease.expiresAt > now;
  };
}

/**
 * Label of a lease that a process holds. Its value is the absolute path of a file that the process keeps locked. The
 * lease is live while the file is locked.
 */
export const LOCK_LABEL = "varve.lock";

/**
 * Refuses a snapshot that is named by the live lease of a mount or of a running container. Unlike
 * {@linkcode refuseBusy}, it looks only for leases with this key. It asks the kernel only whether a lease that it found
 * is live.
 *
 * @throws {VarveError} `E_BUSY`
 */
export function refuseLeased(store: DiskStore, key: string): void {
  for (const lease of store.leases.list()) {
    const { labels } = lease;
    if (snapshotOfLease(lease) !== key) continue;
    const target = labels[MOUNT_LABEL], lock = labels[LOCK_LABEL];
    refuseDetached(lease, key);
    if (target !== undefined && mountState(store.root, lease, readMountInfo()) !== "stale") {
      throw busy(key, target, `unmount ${target} first`);
    }
    if (lock !== undefined && isLocked(store.root, lock)) {
      throw new VarveError(
        "E_BUSY",
        `Cannot use snapshot ${quoteKey(key)}: its container is running`,
        {
          subject: key,
          hint: "end it first",
        },
      );
    }
  }
}

/** The end of the path of a run's lock. */
const RUN_LOCK = new RegExp(`/${ROOT_FILES.mounts}/run-[^/]+/[^/]+$`);

/**
 * Whether another process holds the lock of a file. That of a run is looked for in the store as it lies now: the store
 * may have been moved since the run began, or copied.
 */
function isLocked(root: string | null, lock: string): boolean {
  const [own] = root === null ? [] : RUN_LOCK.exec(lock) ?? [];
  const path = own === undefined ? lock : `${root}${own}`;
  try {
    using file = ownFd(openAt(CWD, fromText(path), Open.READ | Open.NO_FOLLOW));
    return !file.lock("shared");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** Refuses a snapshot that is mounted, by varve or by anything else. @throws {VarveError} `E_BUSY` */
export function refuseBusy(store: DiskStore, key: string): void {
  const leased = [...liveMounts(store)].find(([, lease]) => snapshotOfLease(lease) === key);
  if (leased !== undefined) throw busy(key, leased[0], `unmount ${leased[0]}`);
  for (const lease of store.leases.list()) {
    if (snapshotOfLease(lease) === key) refuseDetached(lease, key);
  }
  const found = mountOfSnapshot(store, key);
  if (found !== undefined) throw busy(key, found.mountPoint, `umount ${found.mountPoint}`);
}

/**
 * The mount that shows the files of a read-write snapshot in this mount namespace, whoever mounted it. The paths in
 * mountinfo may be those of another store: a caller that writes into the mount has to check that.
 */
export function mountOfSnapshot(store: DiskStore, key: string): MountInfo | undefined {
  const cacheId = store.snapshots.read((table) => table.get(key))?.cacheId ?? null;
  if (cacheId === null) return undefined;
  const files = `${store.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
  const upper = `upperdir=${fromText(files)}`;
  const mounts = readMountInfo();
  const boundPath = boundPaths(store, mounts);
  return mounts.find((mount) =>
    mount.superOptions.some((option) => option === upper) ||
    `${fromText(store.root)}${boundPath(mount)}` === fromText(files)
  );
}

/** Refuses the snapshot of a detached mount that is still used. */
function refuseDetached(lease: Lease, key: string): void {
  const detached = detachedOf(lease);
  if (detached === undefined || !isDetachedUsed(detached, readMountInfo())) return;
  throw new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${quoteKey(key)}: it was unmounted, but something still uses the mount`,
    { subject: key, hint: "end the processes that use it" },
  );
}

function busy(key: string, target: string, hint: string): VarveError {
  return new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${quoteKey(key)}: it is mounted at ${target}`,
    { subject: key, hint },
  );
}
