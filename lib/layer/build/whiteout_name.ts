import type { ByteString } from "../../bytes/mod.ts";
import type { VarveError } from "../../errors.ts";
import { entryError } from "./path.ts";

/** Prefix of the name of every whiteout (image-spec, layer.md, "Whiteouts"). */
export const WHITEOUT_PREFIX = ".wh.";
/** Name of the marker that makes its directory opaque. */
export const OPAQUE_MARKER = ".wh..wh..opq" as ByteString;
/** Prefix of the names of AUFS's own files. */
const AUFS_PREFIX = ".wh..wh.";

/** The kind of a cleaned path, judged by its names alone: an ordinary entry or a marker. */
type PathKind = "entry" | "whiteout" | "opaque" | "aufs";

/** A quick test: whether {@linkcode pathKind} could find anything but an ordinary entry. */
export function mayBeWhiteout(path: ByteString): boolean {
  return path.includes("/.wh.") || path.startsWith(WHITEOUT_PREFIX);
}

/**
 * Tells whiteouts and other markers from ordinary entries.
 *
 * @param parts the parts of the cleaned path
 * @param path the path of the entry, for messages
 * @throws {VarveError} `E_WHITEOUT` for a whiteout that would hide `""`, `.` or `..`; `E_WHITEOUT_TYPE`
 * for a whiteout that is a parent of another name
 */
export function pathKind(parts: readonly ByteString[], path: ByteString): PathKind {
  const last = parts.length - 1;
  for (let i = 0; i <= last; i++) {
    const part = parts[i] as ByteString;
    if (!part.startsWith(WHITEOUT_PREFIX)) continue;
    if (part === OPAQUE_MARKER && i === last) return "opaque";
    if (part.startsWith(AUFS_PREFIX) && part !== OPAQUE_MARKER) return "aufs";
    if (i < last) throw whiteoutAsParent(path);
    const hidden = part.slice(WHITEOUT_PREFIX.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw entryError("E_WHITEOUT", path, "a whiteout cannot hide an empty name, . or ..");
    }
    return "whiteout";
  }
  return "entry";
}

/** The error of an entry whose parent would be a whiteout. */
export function whiteoutAsParent(path: ByteString): VarveError {
  return entryError("E_WHITEOUT_TYPE", path, "a whiteout cannot be a directory");
}
