import { fromHex } from "../bytes/mod.ts";
import type { Algorithm, Digest } from "./digest.ts";
import { EarlyHashes } from "./early_hashes.ts";
import { nodeCryptoHas, nodeHash, nodeHashHex, type RawHash } from "./node_crypto.ts";
import { stdHash, stdHashHex } from "./std_crypto.ts";

/** Hashes bytes that arrive in pieces. Make a new hasher for each hash. */
export interface Hasher {
  /**
   * Hashes the next bytes. Keeps no reference to them.
   *
   * @throws {TypeError} after `digest` or `bytes` was called
   */
  update(bytes: Uint8Array): void;
  /** Ends the hash and returns its digest. Idempotent. */
  digest(): Digest;
  /** Ends the hash and returns its bytes. Idempotent. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/**
 * Makes a hasher.
 *
 * The hasher uses `node:crypto`, which has the processor's own instructions for SHA. Only the first few
 * bytes of a thread are hashed in JavaScript, because loading `node:crypto` takes longer. Where a
 * runtime lacks `node:crypto`, the hasher falls back to `@std/crypto`. That library hashes
 * synchronously only when the input is complete, so the hasher keeps all bytes in memory until the
 * end.
 */
export function createHasher(algorithm: Algorithm = "sha256"): Hasher {
  const begin = () => hasNode(algorithm) ? nodeHash(algorithm) : stdHash(algorithm);
  const raw = algorithm === "sha256" ? early.begin(begin) ?? begin() : begin();
  return new OnceHasher(algorithm, raw);
}

/** The sha256 digest of bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${sha256Hex(bytes)}` as Digest;
}

/** The sha256 hash of bytes: 64 lower-case hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return early.hex(bytes) ??
    (hasNode("sha256") ? nodeHashHex("sha256", bytes) : stdHashHex("sha256", [bytes]));
}

/** The sha256 hash of bytes: 32 bytes. */
export function sha256Bytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // Converts the string, which was measured to be faster than a Buffer as result.
  return fromHex(sha256Hex(bytes));
}

/** The early hashes of this thread. */
const early = new EarlyHashes();

const known = new Map<Algorithm, boolean>();

function hasNode(algorithm: Algorithm): boolean {
  let has = known.get(algorithm);
  if (has === undefined) known.set(algorithm, has = nodeCryptoHas(algorithm));
  return has;
}

/** Keeps the result of a raw hash, which can be ended only once. */
class OnceHasher implements Hasher {
  readonly #algorithm: Algorithm;
  readonly #raw: RawHash;
  #hex: string | undefined;

  constructor(algorithm: Algorithm, raw: RawHash) {
    this.#algorithm = algorithm;
    this.#raw = raw;
  }

  update(bytes: Uint8Array): void {
    if (this.#hex !== undefined) throw new TypeError("Cannot update hash: it was ended");
    this.#raw.update(bytes);
  }

  digest(): Digest {
    this.#hex ??= this.#raw.hex();
    return `${this.#algorithm}:${this.#hex}` as Digest;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    this.#hex ??= this.#raw.hex();
    return fromHex(this.#hex);
  }
}
