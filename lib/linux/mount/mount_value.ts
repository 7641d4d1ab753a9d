import type { ByteString } from "../../bytes/mod.ts";

/**
 * A mount as a value: one part of the program describes the mount, another part performs it. It has
 * the form of containerd's `Mount`, so it can be passed to containerd unchanged.
 */
export interface Mount {
  /** Type of the file system, such as `"overlay"` or `"erofs"`; or `"bind"`. */
  readonly type: string;
  /** The directory or image to mount. For other types, a name without meaning. */
  readonly source: ByteString;
  /** Subdirectory of the target to mount at, as a relative path. When absent, the target itself. */
  readonly target?: ByteString | undefined;
  /**
   * Options for mount(2), one in each string: `"ro"`, `"lowerdir=/a:/b"`. A string has one char per
   * byte. Overlay paths are escaped.
   */
  readonly options: readonly string[];
}

/**
 * The options of every overlay of varve. They keep overlayfs from writing things into the upper
 * directory that a commit could not read: redirects, copies of metadata without data, and
 * identifiers of the file system.
 */
export const OVERLAY_OPTIONS: readonly string[] = [
  "redirect_dir=nofollow",
  "metacopy=off",
  "index=off",
  "xino=off",
  "uuid=null",
];

/** Input of {@linkcode overlayMount}. */
export interface OverlayDirectories {
  /** Lower directories, topmost first. At least one. */
  readonly lowers: readonly ByteString[];
  /**
   * Upper and work directory. When absent, the overlay is read-only, and Linux requires two lowers.
   */
  readonly upper?: { readonly directory: ByteString; readonly work: ByteString } | undefined;
  /** Options to add after {@linkcode OVERLAY_OPTIONS}. */
  readonly options?: readonly string[] | undefined;
}

/**
 * Escapes a path for an option string of overlay: backslash, comma and colon get a backslash. So a
 * path cannot add an option or a lower.
 */
export function escapeOverlayPath(path: ByteString): ByteString {
  return path.replace(/[\\,:]/g, "\\$&") as ByteString;
}

/**
 * Splits an option into paths at colons without a backslash, and
 * removes the backslashes, as overlay does.
 */
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

/** Describes an overlay mount. @throws {RangeError} without lowers */
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

/**
 * Describes a bind mount of a directory. Unless `options` say otherwise, it is read-write and
 * excludes the mounts below the directory.
 */
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
