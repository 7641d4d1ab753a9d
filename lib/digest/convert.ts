import { timingSafeEqual } from "@std/crypto";
import { fromHex, toHex } from "../bytes/mod.ts";
import { type Algorithm, algorithmOf, type Digest, hexOf, parseDigest } from "./digest.ts";

/**
 * The digest that a hash makes.
 *
 * @throws {VarveError} `E_DIGEST_FORMAT` when the number of bytes is not that of the algorithm
 */
export function digestFromBytes(hash: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return parseDigest(`${algorithm}:${toHex(hash)}`);
}

/** The hash of a digest: 32 bytes for sha256, 64 for sha512. */
export function digestToBytes(digest: Digest): Uint8Array<ArrayBuffer> {
  return fromHex(hexOf(digest));
}

/**
 * Whether two digests are the same, in a time that does not tell where they differ.
 *
 * Digests of different algorithms are never equal, whatever the bytes they were made of.
 */
export function equalDigests(a: Digest, b: Digest): boolean {
  return algorithmOf(a) === algorithmOf(b) && timingSafeEqual(digestToBytes(a), digestToBytes(b));
}
