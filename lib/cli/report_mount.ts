import { escapeText } from "../bytes/mod.ts";
import type { MountedImage, MountRecord } from "../mount/mod.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import { table } from "./display/table.ts";

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

/** Lists what is mounted. */
export function reportMounts(
  mounts: readonly MountRecord[],
  columns: number | undefined,
): MountReport {
  return {
    json: mounts.map(({ created, ...rest }) => ({
      ...rest,
      created: new Date(created).toISOString(),
    })),
    text: table(
      ["TARGET", "IMAGE", "MODE", "KEY"],
      mounts.map(({ target, image, key, readOnly, elsewhere }) => [
        escapeText(target),
        escapeText(image ?? ""),
        `${readOnly ? "read-only" : "read-write"}${elsewhere ? ", in another namespace" : ""}`,
        readOnly ? "" : escapeText(key),
      ]),
      columns,
    ),
  };
}
