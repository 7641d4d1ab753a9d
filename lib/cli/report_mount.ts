import type { MountedImage } from "../mount/mod.ts";
import type { Snapshotter } from "../snapshot/mod.ts";

/** A mounted image in both formats. */
export interface MountReport {
  /** The mount as a JSON value. */
  readonly json: unknown;
  /** One line of text. */
  readonly text: string;
}

/** Describes a mounted image. It does not dispose the mount, because the mount must outlive the command. */
export function reportMount(
  { target, key, readOnly, mounts }: MountedImage,
  { driver }: Snapshotter,
): MountReport {
  return {
    json: { target, key, readOnly, driver, mounts },
    text: `${target}${readOnly ? "" : `  (read-write, snapshot ${key})`}\n`,
  };
}
