import { limitError } from "./limit_error.ts";
import type { CompressLimits } from "./limits.ts";

/** Counts what passes through a decompressor and stops it at its limits. */
export class Meter {
  /** Compressed bytes that were used. */
  bytesIn = 0;
  /** Uncompressed bytes that came of them. */
  bytesOut = 0;
  /** gzip members or zstd frames that were begun. */
  members = 0;
  readonly #limits: CompressLimits;

  constructor(limits: CompressLimits) {
    this.#limits = limits;
  }

  /** Counts output. @throws {VarveError} `E_LIMIT` */
  addOutput(length: number): void {
    this.bytesOut += length;
    const { layerBytes, ratio, ratioFromBytes } = this.#limits;
    if (this.bytesOut > layerBytes) {
      throw limitError("layerBytes", "its uncompressed size", layerBytes, this.bytesOut);
    }
    if (this.bytesOut > ratioFromBytes && this.bytesOut > ratio * this.bytesIn) {
      const actual = Math.ceil(this.bytesOut / Math.max(1, this.bytesIn));
      throw limitError("ratio", "its compression ratio", ratio, actual);
    }
  }

  /** Counts a member or frame. @throws {VarveError} `E_LIMIT` */
  addMember(): void {
    const { members } = this.#limits;
    if (++this.members > members) {
      throw limitError("members", "the number of its members or frames", members, this.members);
    }
  }
}
