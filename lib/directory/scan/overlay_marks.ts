import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Xattr } from "../../tree/mod.ts";
import { shown } from "./scan_failure.ts";

/**
 * Overlayfs marks files of an upper directory by xattrs with this prefix.
 *
 * Users of the merged directory cannot set marks: overlayfs stores an xattr that they set under
 * such a name as `trusted.overlay.overlay.*`. An xattr `user.overlay.*` is not a mark: varve never
 * mounts overlays with `userxattr`, so any user may have set it.
 */
const PREFIX = "trusted.overlay.";
/** Prefix under which overlayfs stores an xattr that a user set as `trusted.overlay.*`. */
const ESCAPED = "trusted.overlay.overlay.";

/** The mark of an opaque directory. */
export const OPAQUE_MARK = "trusted.overlay.opaque" as ByteString;
/**
 * The mark of a whiteout that is an empty file. Overlayfs reads such whiteouts but never makes
 * them. Tools make them where a whiteout must be stored inside of another overlay (kernel
 * documentation, overlayfs.rst, "Nesting overlayfs mounts").
 */
const WHITEOUT_MARK = "trusted.overlay.whiteout";

/** Marks of an inode whose data or entries are in another directory. */
const ELSEWHERE = ["trusted.overlay.redirect", "trusted.overlay.metacopy"];

/** The xattrs of an inode of an upper directory, without the marks of overlayfs. */
export interface Marked {
  /** The xattrs that are not marks. */
  readonly xattrs: readonly Xattr[];
  /** Whether a mark says that the inode is a whiteout. */
  readonly whiteout: boolean;
}

/**
 * Separates the marks of overlayfs from other xattrs.
 *
 * @throws {VarveError} `E_PRECONDITION` when data or entries of the inode are in another directory,
 * so that the upper directory is incomplete
 */
export function takeMarks(xattrs: readonly Xattr[], path: ByteString): Marked {
  if (!xattrs.some(({ name }) => isMark(name))) return { xattrs, whiteout: false };
  for (const { name } of xattrs) {
    if (ELSEWHERE.includes(name)) throw elsewhere(name, path);
  }
  return {
    xattrs: xattrs.filter(({ name }) => !isMark(name)),
    whiteout: xattrs.some(({ name }) => name === WHITEOUT_MARK),
  };
}

/**
 * Whether the value of the opaque mark says that the directory is opaque. The value `x` only says
 * that the directory may hold whiteouts that are files.
 */
export function isOpaqueMark(value: ByteString | undefined): boolean {
  return value === "y";
}

function isMark(name: ByteString): boolean {
  return name.startsWith(PREFIX) && !name.startsWith(ESCAPED);
}

function elsewhere(name: ByteString, path: ByteString): VarveError {
  const what = name.slice(PREFIX.length);
  const subject = shown(path);
  return new VarveError(
    "E_PRECONDITION",
    `Cannot read the overlay's upper directory: ${subject} is a ${what}, its ${
      what === "metacopy" ? "data" : "entries"
    } lie in a lower directory`,
    {
      subject,
      hint: "mount with redirect_dir=nofollow,metacopy=off, or commit the merged directory",
    },
  );
}
