import { type ByteString, fromText } from "../bytes/mod.ts";
import type { MountInfo } from "../linux/mod.ts";
import type { DiskStore } from "../store/mod.ts";

/**
 * Returns a function that gives the path in a store of what a bind mount shows, such as `/snapshots/7/fs`; `undefined`
 * for a mount of something else.
 *
 * The root of a bind mount, in mountinfo, is a path in its file system. That path and the store's own path have only
 * their ends in common, or not even these, where the store is on a bind mount, a subvolume or another disk.
 *
 * @param mounts all mounts, in the order of mountinfo
 */
export function boundPaths(
  { root: path }: Pick<DiskStore, "root">,
  mounts: readonly MountInfo[],
): (mount: Pick<MountInfo, "device" | "root">) => ByteString | undefined {
  const root = `${fromText(Deno.realPathSync(path))}/`;
  const under = mounts.filter(({ mountPoint }) => root.startsWith(withSlash(mountPoint)));
  const longest = Math.max(...under.map(({ mountPoint }) => mountPoint.length));
  // Of several mounts at one place, the last one shows.
  const own = under.findLast(({ mountPoint }) => mountPoint.length === longest);
  if (own === undefined) return () => undefined;
  const place = `${withSlash(own.root)}${root.slice(withSlash(own.mountPoint).length)}`;
  return (mount) =>
    mount.device === own.device && mount.root.startsWith(place)
      ? mount.root.slice(place.length - 1) as ByteString
      : undefined;
}

function withSlash(path: ByteString): string {
  return path === "/" ? path : `${path}/`;
}
