import { type ByteString, fromText } from "../bytes/mod.ts";
import { escapeOverlayPath, type Mount, overlayMount, splitOverlayPaths } from "../linux/mod.ts";

const LOWER = "lowerdir=", UPPER = "upperdir=";

/**
 * Adds a lower on top of the other lowers of an overlay. The mount shows the content of the directory, but the content
 * does not become a change of the snapshot. Mounts of other types are returned unchanged.
 */
export function withTopLower(mount: Mount, directory: string): Mount {
  if (mount.type !== "overlay") return mount;
  const top = escapeOverlayPath(fromText(directory));
  return {
    ...mount,
    options: mount.options.map((option) =>
      option.startsWith(LOWER) ? `${LOWER}${top}:${option.slice(LOWER.length)}` : option
    ),
  };
}

/**
 * Makes a mount read-only. The upper directory of an overlay becomes its topmost lower; any other
 * mount gets the option `ro`.
 */
export function readOnlyMount(mount: Mount): Mount {
  if (mount.type !== "overlay") {
    return { ...mount, options: [...mount.options.filter((option) => option !== "rw"), "ro"] };
  }
  const paths = (prefix: string): ByteString[] =>
    mount.options.filter((option) => option.startsWith(prefix))
      .flatMap((option) => splitOverlayPaths(option.slice(prefix.length)));
  return overlayMount({ lowers: [...paths(UPPER), ...paths(LOWER)] });
}
