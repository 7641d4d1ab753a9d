import { timingSafeEqual } from "@std/crypto";
import { fromHex, toHex } from "../bytes/mod.ts";
import { type Algorithm, algorithmOf, type Digest, hexOf, parseDigest } from "./digest.ts";

/**
 * The digest of a finished hash: `hash` is 32 bytes for sha256, 64 for sha512.
 *
 * @throws {VarveError} `E_DIGEST_FORMAT` when the algorithm makes hashes of another length
 */
export function digestFromBytes(hash: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return parseDigest(`${algorithm}:${toHex(hash)}`);
}

/** The hash inside a digest: 32 bytes for sha256, 64 for sha512. */
export function digestToBytes(digest: Digest): Uint8Array<ArrayBuffer> {
  return fromHex(hexOf(digest));
}

/**
 * Whether two digests are equal, compared in constant time.
 *
 * Digests of different algorithms are never equal, even when they are of the same bytes.
 */
export function equalDigests(a: Digest, b: Digest): boolean {
  return algorithmOf(a) === algorithmOf(b) && timingSafeEqual(digestToBytes(a), digestToBytes(b));
}
