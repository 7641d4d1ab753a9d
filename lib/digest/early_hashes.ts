/**
 * SHA-256 of the first few bytes that a thread hashes, in plain JavaScript.
 *
 * Loading `node:crypto` costs 20 ms of CPU, more than an empty program. A command such as `images` hashes two documents
 * of some hundred bytes and two chainIDs, which takes 1 ms here.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { joinBytes, toHex } from "../bytes/mod.ts";
import type { RawHash } from "./node_crypto.ts";

/** Bytes after which loading `node:crypto` is cheaper than going on. */
const EARLY_BYTES = 16 * 1024;

/** The early hashes of a thread. They end for good with the first hash that is too long for them. */
export class EarlyHashes {
  #left: number;

  /** @param bytes how many bytes are hashed in all */
  constructor(bytes: number = EARLY_BYTES) {
    this.#left = bytes;
  }

  /** The hash of complete bytes, as hexadecimal; `undefined` when early hashes have ended. */
  hex(bytes: Uint8Array): string | undefined {
    return this.#take(bytes.length) ? toHex(sha256(bytes)) : undefined;
  }

  /**
   * Begins a hash; `undefined` when early hashes have ended.
   *
   * @param next begins the hash that goes on where this one becomes too long
   */
  begin(next: () => RawHash): RawHash | undefined {
    if (this.#left === 0) return undefined;
    const pieces: Uint8Array[] = [];
    let raw: RawHash | undefined;
    return {
      update: (bytes: Uint8Array): void => {
        if (raw === undefined && this.#take(bytes.length)) {
          pieces.push(new Uint8Array(bytes));
          return;
        }
        if (raw === undefined) {
          raw = next();
          for (const piece of pieces.splice(0)) raw.update(piece);
        }
        raw.update(bytes);
      },
      hex: (): string => raw?.hex() ?? toHex(sha256(joinBytes(pieces))),
    };
  }

  /** Whether so many bytes can be hashed. */
  #take(length: number): boolean {
    // Short hashes count, too: each has a last block of its own.
    this.#left = length < this.#left ? Math.max(0, this.#left - Math.max(length, 64)) : 0;
    return this.#left > 0;
  }
}
