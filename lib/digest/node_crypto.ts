// The only file that imports node:crypto (hardware SHA; WebCrypto cannot hash in pieces).
import { createHash } from "node:crypto";
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
  const hash = createHash(algorithm);
  return {
    update: (bytes: Uint8Array): void => void hash.update(bytes),
    hex: (): string => hash.digest("hex"),
  };
}

/** The hash of bytes at once, as hexadecimal. */
export function nodeHashHex(algorithm: Algorithm, bytes: Uint8Array): string {
  // Measured: the string form is faster than the Buffer form, and than one-shot `hash()`.
  return createHash(algorithm).update(bytes).digest("hex");
}
