/**
 * What the store's leases say is mounted, held against what the kernel says.
 *
 * A mount has a lease `mount:<directory>`. It may be stale, after a crash or a
 * reboot, or tell of another mount namespace, whose mounts are not seen here.
 */
import { fromText } from "../bytes/mod.ts";
import { IMAGE } from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import { findMount, type Mount, type MountInfo, readMountInfo } from "../linux/mod.ts";
import { DRIVER_FILES, ROOT_FILES, SNAPSHOT_FILES } from "../store/internal.ts";
import type { DiskStore, Lease, Store } from "../store/mod.ts";

/** Label of a mount's lease that holds its directory. */
export const MOUNT_LABEL = "varve.mount";
/** Label of a mount's lease that holds boot and mount namespace. */
export const NAMESPACE_LABEL = "varve.mount.namespace";
/** Source that overlays mounted by varve itself have in mountinfo. */
export const MOUNT_SOURCE = "varve";

/** What a bind of the native driver shows, as its file system sees it. */
const BOUND = new RegExp(
  `/(?:${ROOT_FILES.snapshots}|${ROOT_FILES.chains})/[0-9]+/${DRIVER_FILES.files}(?:-[a-z]+)?$`,
);

/**
 * What the view of a composed image shows: a file, the descriptor by which it was named where its
 * path has a backslash, or the loop device that stands for one.
 */
const COMPOSED_SOURCE = new RegExp(
  `/${ROOT_FILES.chains}/[0-9]+/${DRIVER_FILES.composed}/${IMAGE}$|^/proc/self/fd/[0-9]+$|^/dev/loop[0-9]+$`,
);

/** Id of the lease of a mount, and key of its snapshot when that is read-only. */
export function mountId(target: string): string {
  return `mount:${target}`;
}

/** Where this process mounts: the boot and the mount namespace. */
export function mountNamespace(): string {
  const boot = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  return `${boot} ${Deno.readLinkSync("/proc/self/ns/mnt")}`;
}

/** What a lease tells of a mount. */
export type MountState =
  /** It is there. */
  | "live"
  /** It ended without its lease. */
  | "stale"
  /** It is in a mount namespace of another process. */
  | "elsewhere";

/** Judges the lease of a mount. */
export function stateOf(lease: Lease, mounts: readonly MountInfo[]): MountState {
  const there = lease.labels[NAMESPACE_LABEL];
  if (there === undefined || there === mountNamespace()) {
    const mount = findMount(mounts, fromText(lease.labels[MOUNT_LABEL] ?? ""));
    return mount !== undefined && isOurs(mount) ? "live" : "stale";
  }
  const [boot, namespace = ""] = there.split(" ");
  if (boot !== mountNamespace().split(" ")[0]) return "stale";
  return hasProcess(namespace) ? "elsewhere" : "stale";
}

/** Whether varve made a mount: an overlay by its source, a bind by what it shows. */
export function isOurs(mount: MountInfo): boolean {
  return mount.source === MOUNT_SOURCE || BOUND.test(mount.root) ||
    mount.type === "erofs" && COMPOSED_SOURCE.test(mount.source);
}

/** A mount as varve performs it itself: with its name as the source, where that has no meaning. */
export function signed(mount: Mount): Mount {
  return mount.type === "overlay" ? { ...mount, source: fromText(MOUNT_SOURCE) } : mount;
}

/** Whether any process that can be seen is in a mount namespace. */
function hasProcess(namespace: string): boolean {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      if (Deno.readLinkSync(`/proc/${name}/ns/mnt`) === namespace) return true;
    } catch {
      // Gone meanwhile, or not ours to look at.
    }
  }
  return false;
}

/** The mounts of a store's images that are live, by directory. */
export function liveMounts(store: Store): Map<string, Lease> {
  const mounts = readMountInfo();
  const live = new Map<string, Lease>();
  for (const lease of store.leases.list()) {
    const target = lease.labels[MOUNT_LABEL];
    if (target !== undefined && stateOf(lease, mounts) !== "stale") live.set(target, lease);
  }
  return live;
}

/** The snapshot that a lease keeps for its mount. */
export function keyOf(lease: Lease): string {
  return lease.resources.find((one) => one.startsWith("snapshot:"))?.slice(9) ?? lease.id;
}

/** Refuses a snapshot that is mounted, whoever did it. @throws {VarveError} `E_BUSY` */
export function refuseBusy(store: DiskStore, key: string): void {
  const leased = [...liveMounts(store)].find(([, lease]) => keyOf(lease) === key);
  if (leased !== undefined) throw busy(key, leased[0], `varve umount ${leased[0]}`);
  const cacheId = store.snapshots.read((table) => table.get(key))?.cacheId ?? null;
  if (cacheId === null) return;
  const files = `${store.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
  const upper = `upperdir=${fromText(files)}`;
  const found = readMountInfo().find(({ superOptions, root }) =>
    superOptions.some((option) => option === upper) ||
    BOUND.test(root) && fromText(files).endsWith(root)
  );
  if (found !== undefined) throw busy(key, found.mountPoint, `umount ${found.mountPoint}`);
}

function busy(key: string, target: string, hint: string): VarveError {
  return new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${JSON.stringify(key)}: it is mounted at ${target}`,
    { subject: key, hint },
  );
}
