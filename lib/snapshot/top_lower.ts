import { type ByteString, fromText } from "../bytes/mod.ts";
import { escapeOverlayPath, type Mount, overlayMount, splitOverlayPaths } from "../linux/mod.ts";

const LOWER = "lowerdir=", UPPER = "upperdir=";

/**
 * An overlay with one more lower on top of the others: what it holds shows in
 * the mount, and is no change of the snapshot. Any other mount stays as it is.
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

/** What an overlay shows, to be read only: its upper becomes the topmost lower. Any other mount becomes `ro`. */
export function readOnlyMount(mount: Mount): Mount {
  if (mount.type !== "overlay") {
    return { ...mount, options: [...mount.options.filter((option) => option !== "rw"), "ro"] };
  }
  const paths = (prefix: string): ByteString[] =>
    mount.options.filter((option) => option.startsWith(prefix))
      .flatMap((option) => splitOverlayPaths(option.slice(prefix.length)));
  return overlayMount({ lowers: [...paths(UPPER), ...paths(LOWER)] });
}
