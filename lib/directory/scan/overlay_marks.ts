import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Xattr } from "../../tree/mod.ts";
import { shown } from "./scan_failure.ts";

/**
 * What overlayfs notes beside the files of an upper directory, in `trusted.overlay.*`.
 *
 * A user of the merged directory cannot write these: what he sets under such a
 * name is stored as `trusted.overlay.overlay.*`. `user.overlay.*` is no mark
 * here: overlays are never mounted with `userxattr`, so anybody may have set it.
 */
const PREFIX = "trusted.overlay.";
/** What a user set as `trusted.overlay.*` himself. */
const ESCAPED = "trusted.overlay.overlay.";

/** The mark of an opaque directory. */
export const OPAQUE_MARK = "trusted.overlay.opaque" as ByteString;
/** Marks a file that stands for a whiteout, where none could be made. */
const WHITEOUT_MARK = "trusted.overlay.whiteout";

/** Marks whose inode has its data, or a directory its entries, somewhere else. */
const ELSEWHERE = ["trusted.overlay.redirect", "trusted.overlay.metacopy"];

/** Attributes of an inode of an upper directory, taken apart. */
export interface Marked {
  /** All that is not overlayfs' own. */
  readonly xattrs: readonly Xattr[];
  /** Whether the inode is a whiteout. */
  readonly whiteout: boolean;
}

/**
 * Takes overlayfs' marks off.
 *
 * @throws {VarveError} `E_PRECONDITION` when data or entries lie elsewhere: the upper is not all there is
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

/** Whether a mark's value says that a directory is opaque; `x` only says that whiteouts are files. */
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
