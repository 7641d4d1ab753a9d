import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { shownPath } from "./path.ts";

/** What the name of every whiteout begins with (image-spec, layer.md, "Whiteouts"). */
export const WHITEOUT_PREFIX = ".wh.";
/** The marker of an opaque directory. */
const OPAQUE_MARKER = ".wh..wh..opq";
/** What AUFS's own files begin with. */
const AUFS_PREFIX = ".wh..wh.";

/** What a cleaned path is, by its names alone. */
type PathKind = "entry" | "whiteout" | "opaque" | "aufs";

/** Whether a path needs a closer look at all. */
export function mayBeWhiteout(path: ByteString): boolean {
  return path.includes("/.wh.") || path.startsWith(WHITEOUT_PREFIX);
}

/**
 * What a path is.
 *
 * @throws {VarveError} `E_WHITEOUT` for one that hides `""`, `.` or `..`; `E_WHITEOUT_TYPE` for one that is
 * a directory on the way to another name
 */
export function pathKind(parts: readonly ByteString[], path: ByteString): PathKind {
  const last = parts.length - 1;
  for (let i = 0; i <= last; i++) {
    const part = parts[i] as ByteString;
    if (!part.startsWith(WHITEOUT_PREFIX)) continue;
    if (part === OPAQUE_MARKER && i === last) return "opaque";
    if (part.startsWith(AUFS_PREFIX) && part !== OPAQUE_MARKER) return "aufs";
    if (i < last) throw wrong("E_WHITEOUT_TYPE", path, "a whiteout can be no directory");
    const hidden = part.slice(WHITEOUT_PREFIX.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw wrong("E_WHITEOUT", path, "it is a whiteout of no name");
    }
    return "whiteout";
  }
  return "entry";
}

/** The error of a whiteout. */
export function wrong(
  code: "E_WHITEOUT" | "E_WHITEOUT_TYPE",
  path: ByteString,
  why: string,
): VarveError {
  const subject = shownPath(path);
  return new VarveError(code, `Cannot take entry ${subject}: ${why}`, { subject });
}
