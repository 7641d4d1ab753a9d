import { fromText } from "../bytes/mod.ts";
import {
  composedImagesIn,
  hasSharedMounts,
  sharedMountName,
  tryLockLowersAlone,
} from "../compose/internal.ts";
import { isSupported, type MountInfo, readMountInfo } from "../linux/mod.ts";
import { VarveError } from "../errors.ts";
import { boundPaths } from "./bound_path.ts";
import { detachedOf, isDetachedUsed } from "./detached_mounts.ts";
import { leaseLiveness } from "./mount_leases.ts";
import { ROOT_FILES } from "../store/internal.ts";
import type { DiskStore, GcKnowledge, Lease } from "../store/mod.ts";

/** What gc of a store has to know of leases, mounts and running containers of this machine. */
export function gcKnowledge(store: DiskStore): GcKnowledge {
  // Without system calls nobody knows what is mounted.
  if (!isSupported()) return blindKnowledge(store);
  return {
    isLive: leaseLiveness(Date.now(), store.root),
    inUse: () => usersOf(store, readMountInfo()),
    lockCaches: () => tryLockLowersAlone(store.directories.mounts),
  };
}

/** Counts every lease as live that does not expire, and everything as in use if anything may be mounted. */
function blindKnowledge(store: DiskStore): GcKnowledge {
  const now = Date.now();
  const isLive = ({ expiresAt }: Lease) => expiresAt === null || expiresAt > now;
  const isUsed = store.leases.list().length > 0 || hasSharedMounts(store.directories.mounts);
  return { isLive, inUse: () => () => isUsed };
}

/**
 * Returns a function that tells whether a mount uses files in a directory of the store: as a source, as a lower or upper
 * directory of an overlay, by a bind, or as the composed image of a shared mount. Mounts that were detached count while
 * something uses them.
 */
function usersOf(
  store: DiskStore,
  seen: readonly MountInfo[],
): (directory: string) => boolean {
  const detached = store.leases.list().map(detachedOf).filter((one) => one !== undefined)
    .filter((one) => isDetachedUsed(one, seen));
  const mounts = [...seen, ...detached];
  const bound = mounts.map(boundPaths(store, seen)).filter((one) => one !== undefined);
  // The kernel escapes some characters in options by backslashes. A path ends at a slash, a colon or the end of an option.
  const options = mounts.flatMap(({ source, superOptions }) => [source, ...superOptions])
    .map((option) => `${option}/`).join("\n").replaceAll("\\", "").replaceAll(":", "/");
  const root = fromText(store.root);
  const points = new Set<string>(seen.map(({ mountPoint }) => mountPoint));
  return (directory) => {
    const path = fromText(directory);
    return options.includes(`${path.replaceAll(":", "/")}/`) ||
      bound.some((one) => `${root}${one}/`.startsWith(`${path}/`)) ||
      composedMountPoints(store, directory).some((point) => points.has(point));
  };
}

/** The directory of a chain. */
const CHAIN = new RegExp(`/${ROOT_FILES.chains}/[0-9]+$`);

/** Mount points of the composed images in a directory of a chain. */
function composedMountPoints(store: DiskStore, directory: string): string[] {
  // Only a chain has such images. A blob is not even a directory.
  if (!CHAIN.test(directory)) return [];
  return composedImagesIn(directory).flatMap((composed) => {
    try {
      const name = sharedMountName(store, composed);
      return name === undefined ? [] : [fromText(`${store.directories.mounts}/${name}`)];
    } catch (error) {
      // Without the layers of its image nothing of it is mounted.
      if (error instanceof VarveError) return [];
      throw error;
    }
  });
}
