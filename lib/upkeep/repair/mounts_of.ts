import { boundPaths, gcKnowledge } from "../../snapshot/internal.ts";
import { escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { isSupported, readMountInfo } from "../../linux/mod.ts";
import type { DiskStore } from "../../store/mod.ts";

/** Whether a mount uses something in a directory of a layer or of a chain. */
export function isMounted(store: DiskStore, home: string): boolean {
  return gcKnowledge(store).inUse?.()(home) ?? false;
}

/**
 * The mount points that use files of a directory that was derived from layers, for a message.
 *
 * @param path path in the store
 */
export function mountsOf(store: DiskStore, path: string): string[] {
  if (!isSupported()) return [];
  const wanted = fromText(`${store.root}/${path}`);
  const mounts = readMountInfo();
  const boundPath = boundPaths(store, mounts);
  return mounts.filter((mount) =>
    [mount.source, ...mount.superOptions].some((text) => text.includes(wanted)) ||
    boundPath(mount) === `/${path}`
  ).map(({ mountPoint }) => escapeForTerminal(mountPoint));
}
