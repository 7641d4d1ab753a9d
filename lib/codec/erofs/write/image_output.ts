const BYTES = 1 << 20;

/** Gathers bytes into pieces for a sink. The one buffer is used again and again. */
export class ImageOutput {
  /** The buffer, as words: a position in the image is there at {@linkcode word}. */
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(BYTES / 4);
  readonly #u8: Uint8Array<ArrayBuffer> = new Uint8Array(this.u32.buffer);
  readonly #sink: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Where the buffer begins in the image. */
  #start = 0;
  #length = 0;

  /** Begins at the first byte of an image. */
  constructor(sink: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#sink = sink;
  }

  /** Bytes so far. */
  get at(): number {
    return this.#start + this.#length;
  }

  /** Writes zeros up to a position. */
  zerosTo(at: number): void {
    let left = at - this.#start - this.#length;
    if (left <= 64 && this.#length + left <= BYTES) {
      const { u32 } = this;
      const u8 = this.#u8;
      for (; left > 0 && (this.#length & 3) !== 0; left--) u8[this.#length++] = 0;
      for (; left >= 4; left -= 4, this.#length += 4) u32[this.#length >>> 2] = 0;
      for (; left > 0; left--) u8[this.#length++] = 0;
      return;
    }
    while (left > 0) {
      const bytes = Math.min(left, BYTES - this.#length);
      this.#u8.fill(0, this.#length, this.#length + bytes);
      this.#advance(bytes);
      left -= bytes;
    }
  }

  /**
   * Reserves words at the current position, a multiple of 4; returns the first in {@linkcode u32}.
   * All of them must be written: they hold what was there before.
   */
  words(count: number): number {
    if (this.#length + count * 4 > BYTES) this.flush();
    const word = this.#length >>> 2;
    this.#length += count * 4;
    return word;
  }

  /** Writes bytes; no reference to them is kept. */
  bytes(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    const length = to - from;
    if (length <= 64 && this.#length + length <= BYTES) {
      const at = this.#length;
      const u8 = this.#u8;
      for (let i = 0; i < length; i++) u8[at + i] = bytes[from + i] as number;
      this.#length += length;
      return;
    }
    for (let at = from; at < to;) {
      const piece = Math.min(to - at, BYTES - this.#length);
      this.#u8.set(bytes.subarray(at, at + piece), this.#length);
      this.#advance(piece);
      at += piece;
    }
  }

  /** Gives the sink what there is. */
  flush(): void {
    if (this.#length === 0) return;
    this.#sink(this.#u8.subarray(0, this.#length));
    this.#start += this.#length;
    this.#length = 0;
  }

  #advance(bytes: number): void {
    this.#length += bytes;
    if (this.#length === BYTES) this.flush();
  }
}
