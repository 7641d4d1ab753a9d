// The only file that imports node:crypto (hardware SHA; WebCrypto cannot hash in pieces).
import { createHash, hash } from "node:crypto";
import type { Algorithm } from "./digest.ts";

/** An unfinished hash: what `node:crypto` and `@std/crypto` have in common. */
export interface RawHash {
  /** Hashes the next bytes. Keeps no reference to them. */
  update(bytes: Uint8Array): void;
  /** Ends the hash and returns it as hexadecimal. Call it once. */
  hex(): string;
}

/**
 * Whether `node:crypto` can compute the algorithm here. In
 * some runtimes it is a stub, or restricted.
 */
export function nodeCryptoHas(algorithm: Algorithm): boolean {
  try {
    return createHash(algorithm).digest().length > 0;
  } catch {
    return false;
  }
}

/** Begins a hash with `node:crypto`. */
export function nodeHash(algorithm: Algorithm): RawHash {
  const raw = createHash(algorithm);
  return {
    update: (bytes: Uint8Array): void => void raw.update(bytes),
    hex: (): string => raw.digest("hex"),
  };
}

/** The hash of complete bytes, as hexadecimal. */
export function nodeHashHex(algorithm: Algorithm, bytes: Uint8Array): string {
  // Measured on 1000 bytes: 1.7 µs with this call, 2.4 µs with a Hash
  // object, 2.8 µs or more with a Buffer as result.
  return hash(algorithm, bytes, "hex");
}
