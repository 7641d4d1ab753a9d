import type { ByteString } from "../../bytes/mod.ts";

/**
 * A mount as a value: one part makes it, another performs it, and containerd
 * can be handed it as it is. It has the form of containerd's `Mount`.
 */
export interface Mount {
  /** `"bind"`, `"overlay"`, `"erofs"`, `"tmpfs"`, … */
  readonly type: string;
  /** What is mounted: a directory, an image, or a name without meaning. */
  readonly source: ByteString;
  /** Where inside the mounted root, relative; absent: the root itself. */
  readonly target?: ByteString | undefined;
  /** Options as mount(2) takes them, one a piece, a char a byte: `"ro"`, `"lowerdir=/a:/b"`. Overlay paths are escaped. */
  readonly options: readonly string[];
}

/**
 * The options that every overlay of varve has: nothing in the upper directory
 * that a committer cannot read (redirects, metadata-only copies, ids of its own).
 */
export const OVERLAY_OPTIONS: readonly string[] = [
  "redirect_dir=nofollow",
  "metacopy=off",
  "index=off",
  "xino=off",
  "uuid=null",
];

/** Directories of an overlay. */
export interface OverlayDirectories {
  /** Lower directories, the topmost first. At least one. */
  readonly lowers: readonly ByteString[];
  /** Upper and work directory; without them the overlay is read-only and needs two lowers. */
  readonly upper?: { readonly directory: ByteString; readonly work: ByteString } | undefined;
  /** More options, after {@linkcode OVERLAY_OPTIONS}. */
  readonly options?: readonly string[] | undefined;
}

/**
 * Writes a path as overlayfs reads it in an option string: backslash, comma
 * and colon get a backslash, so that no path can add an option or a lower.
 */
export function escapeOverlayPath(path: ByteString): ByteString {
  return path.replace(/[\\,:]/g, "\\$&") as ByteString;
}

/** Takes an option's paths apart, as overlayfs does: at colons without a backslash. */
export function splitOverlayPaths(value: string): ByteString[] {
  const out: string[] = [];
  let path = "";
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === ":") {
      out.push(path);
      path = "";
    } else {
      path += char === "\\" && i + 1 < value.length ? value.charAt(++i) : char;
    }
  }
  return [...out, path] as ByteString[];
}

/** The value of an overlay mount. */
export function overlayMount(directories: OverlayDirectories): Mount {
  const { lowers, upper, options = [] } = directories;
  if (lowers.length === 0) throw new RangeError("Cannot describe an overlay: it has no lower");
  return {
    type: "overlay",
    source: "overlay" as ByteString,
    options: [
      ...(upper === undefined ? ["ro"] : []),
      `lowerdir=${lowers.map(escapeOverlayPath).join(":")}`,
      ...(upper === undefined ? [] : [
        `upperdir=${escapeOverlayPath(upper.directory)}`,
        `workdir=${escapeOverlayPath(upper.work)}`,
      ]),
      ...OVERLAY_OPTIONS,
      ...options,
    ],
  };
}

/** The value of a bind mount of a directory. */
export function bindMount(
  source: ByteString,
  options: { readonly readOnly?: boolean | undefined; readonly recursive?: boolean | undefined } =
    {},
): Mount {
  return {
    type: "bind",
    source,
    options: [options.recursive ? "rbind" : "bind", options.readOnly ? "ro" : "rw"],
  };
}
