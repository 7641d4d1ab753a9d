import { liveMounts } from "../snapshot/mod.ts";
import { mountId, mountState, snapshotOfLease } from "../snapshot/internal.ts";
import { readMountInfo } from "../linux/mod.ts";
import type { Store } from "../store/mod.ts";

/** An image that is mounted. */
export interface MountRecord {
  /** The directory where it is mounted. */
  readonly target: string;
  /** Name of the image; `null` when the lease of the mount does not name it. */
  readonly image: string | null;
  /** Key of the snapshot that is mounted. */
  readonly key: string;
  /** Whether the mount is read-only. */
  readonly readOnly: boolean;
  /** Whether the mount is in the mount namespace of other processes, where this process cannot see it. */
  readonly elsewhere: boolean;
  /** When it was mounted, in ms since the epoch. */
  readonly created: number;
}

const IMAGE = "image:";

/**
 * Lists what `mountImage` has mounted of a store, sorted by directory. Mounts of containers are not listed,
 * and neither are mounts that a crash or a reboot ended.
 *
 * @example
 * ```ts
 * import { listMounts, openMemoryStore } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * if (listMounts(store).length !== 0) throw new Error("nothing is mounted of a new store");
 * ```
 */
export function listMounts(store: Store): MountRecord[] {
  const live = liveMounts(store);
  if (live.size === 0) return [];
  const mounts = readMountInfo();
  const out: MountRecord[] = [];
  for (const [target, lease] of live) {
    const key = snapshotOfLease(lease);
    const image = lease.resources.find((resource) => resource.startsWith(IMAGE));
    out.push({
      target,
      image: image?.slice(IMAGE.length) ?? null,
      key,
      readOnly: key === mountId(target),
      elsewhere: mountState(store.root, lease, mounts) === "elsewhere",
      created: lease.createdAt,
    });
  }
  return out.sort((a, b) => a.target < b.target ? -1 : 1);
}
