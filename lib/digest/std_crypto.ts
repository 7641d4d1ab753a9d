// Hashes in runtimes that lack node:crypto.
import { crypto as std } from "@std/crypto";
import { toHex } from "../bytes/mod.ts";
import type { Algorithm } from "./digest.ts";
import type { RawHash } from "./node_crypto.ts";

const NAMES = { sha256: "SHA-256", sha512: "SHA-512" } as const;

/** The hash of all pieces together, as hexadecimal. */
export function stdHashHex(algorithm: Algorithm, pieces: Iterable<Uint8Array>): string {
  // Copies the pieces, because the type of digestSync excludes views of shared memory.
  const copies = Array.from(pieces, (piece) => new Uint8Array(piece));
  return toHex(new Uint8Array(std.subtle.digestSync(NAMES[algorithm], copies)));
}

/** Begins a hash with `@std/crypto`. It keeps copies of the pieces until the end. */
export function stdHash(algorithm: Algorithm): RawHash {
  let pieces: Uint8Array[] = [];
  return {
    update: (bytes: Uint8Array): void => void pieces.push(new Uint8Array(bytes)),
    hex: (): string => {
      const hex = stdHashHex(algorithm, pieces);
      pieces = [];
      return hex;
    },
  };
}
