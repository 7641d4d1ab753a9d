// The only file that imports node:crypto (hardware SHA; WebCrypto cannot hash in pieces).
import { createHash, hash } from "node:crypto";
import type { Algorithm } from "./digest.ts";

/** A hash that is being made; the lowest common interface of the implementations. */
export interface RawHash {
  /** Takes the next bytes; keeps no reference to them. */
  update(bytes: Uint8Array): void;
  /** Ends the hash, as hexadecimal. Call it once. */
  hex(): string;
}

/** Whether this runtime's node:crypto has the algorithm; it may be a stub, or be restricted. */
export function nodeCryptoHas(algorithm: Algorithm): boolean {
  try {
    return createHash(algorithm).digest().length > 0;
  } catch {
    return false;
  }
}

/** A hash by node:crypto. */
export function nodeHash(algorithm: Algorithm): RawHash {
  const raw = createHash(algorithm);
  return {
    update: (bytes: Uint8Array): void => void raw.update(bytes),
    hex: (): string => raw.digest("hex"),
  };
}

/** The hash of bytes at once, as hexadecimal. */
export function nodeHashHex(algorithm: Algorithm, bytes: Uint8Array): string {
  // Measured on 1000 bytes: 1.7 µs at once, 2.4 µs by an object, 2.8 µs and more as a Buffer.
  return hash(algorithm, bytes, "hex");
}
