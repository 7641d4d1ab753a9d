/** Which snapshot do these mounts name? Apply and Diff get mounts, not keys. Nothing here touches the disk. */
import { type ByteString, toBytes } from "../../bytes/mod.ts";
import type { Mount } from "../../linux/mod.ts";
import type { Mount as MountMessage } from "../proto/generated/types_pb.ts";

/** A mount as it crosses the socket. */
export type GivenMount = Pick<MountMessage, "type" | "source" | "target" | "options">;

/**
 * The number of the directory `snapshots/<cache-id>/` whose files a list of mounts shows as its own: the upper directory of
 * an overlay, or the source of a bind. `undefined` for mounts that varve does not hand out.
 *
 * @param snapshots absolute path of the store's `snapshots/`
 * @param files name of the directory with the files of a snapshot
 */
export function ownCacheId(
  mounts: readonly GivenMount[],
  snapshots: string,
  files: string,
): number | undefined {
  const [mount] = mounts;
  if (mount === undefined || mounts.length > 1) return undefined;
  const path = mount.type === "overlay" ? optionOf(mount, "upperdir=") : mount.source;
  if (path === undefined || !path.startsWith(`${snapshots}/`)) return undefined;
  const match = /^([1-9][0-9]{0,15})\/([^/]+)$/.exec(path.slice(snapshots.length + 1));
  if (match === null || match[2] !== files) return undefined;
  return Number(match[1]);
}

/** Whether two lists of mounts are the same: each mount with the same type, source, target and options, in order. */
export function sameMounts(given: readonly GivenMount[], ours: readonly Mount[]): boolean {
  return given.length === ours.length && given.every((mount, i) => {
    const our = ours[i] as Mount;
    return mount.type === our.type && mount.source === textOf(our.source) &&
      mount.target === textOf(our.target ?? "" as ByteString) &&
      mount.options.length === our.options.length &&
      mount.options.every((option, j) => option === textOf(our.options[j] as ByteString));
  });
}

function optionOf({ options }: GivenMount, prefix: string): string | undefined {
  const found = options.filter((option) => option.startsWith(prefix));
  return found.length === 1 ? found[0]!.slice(prefix.length) : undefined;
}

const UTF8 = new TextDecoder();

function textOf(bytes: string): string {
  return UTF8.decode(toBytes(bytes as ByteString));
}
