import { limitError } from "./limit_error.ts";
import type { CompressLimits } from "./limits.ts";

/** Counts the bytes and members of a decompressor, and throws when they exceed its limits. */
export class Meter {
  /** Number of compressed bytes used so far. */
  bytesIn = 0;
  /** Number of uncompressed bytes made so far. */
  bytesOut = 0;
  /** Number of gzip members or zstd frames begun so far. */
  members = 0;
  readonly #limits: CompressLimits;

  constructor(limits: CompressLimits) {
    this.#limits = limits;
  }

  /**
   * Counts output bytes.
   *
   * @throws {VarveError} `E_LIMIT` when the size or the ratio is exceeded
   */
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

  /**
   * Counts a member or frame.
   *
   * @throws {VarveError} `E_LIMIT` when there are too many
   */
  addMember(): void {
    const { members } = this.#limits;
    if (++this.members > members) {
      throw limitError("members", "the number of its members or frames", members, this.members);
    }
  }
}
