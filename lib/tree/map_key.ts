import { type ByteString, toBytes, toHex } from "../bytes/mod.ts";
import { sha256Bytes } from "../digest/mod.ts";

/** V8 hashes the content of strings up to 16,383 characters. */
const LONGEST = 16_000;

/**
 * The key of a path in a `Map` or `Set`; equal for equal paths only. A long path is there as its
 * SHA-256: V8 takes all long strings of one length for equal hashes, so each look-up would compare
 * all of them.
 */
export function mapKey(path: ByteString): ByteString {
  if (path.length <= LONGEST) return path;
  // No path holds a NUL.
  return `\0${toHex(sha256Bytes(toBytes(path)))}` as ByteString;
}
