import type { MountedImage } from "../mount/mod.ts";
import type { Snapshotter } from "../snapshot/mod.ts";

/** What is said of an image that was mounted. */
export interface MountReport {
  /** For programs. */
  readonly json: unknown;
  /** For people: one line. */
  readonly text: string;
}

/** What is said of an image that was mounted, which stays so: the mount outlives the command, and is not disposed. */
export function reportMount(
  { target, key, readOnly, mounts }: MountedImage,
  { driver }: Snapshotter,
): MountReport {
  return {
    json: { target, key, readOnly, driver, mounts },
    text: `${target}${readOnly ? "" : `  (read-write, snapshot ${key})`}\n`,
  };
}
