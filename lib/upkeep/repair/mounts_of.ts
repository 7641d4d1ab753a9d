import { gcKnowledge } from "../../snapshot/internal.ts";
import { escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { isSupported, readMountInfo } from "../../linux/mod.ts";
import type { DiskStore } from "../../store/mod.ts";

/** Whether a mount uses something in a directory of a layer or of a chain. */
export function isMounted(store: DiskStore, home: string): boolean {
  return gcKnowledge(store).inUse?.()(home) ?? false;
}

/** The mount points that use files below a path, for a message. */
export function mountsOf(path: string): string[] {
  if (!isSupported()) return [];
  const wanted = fromText(path);
  return readMountInfo().filter(({ source, superOptions, root }) =>
    [source, ...superOptions].some((text) => text.includes(wanted)) || root.endsWith(wanted)
  ).map(({ mountPoint }) => escapeForTerminal(mountPoint));
}
