/** Size in bytes of the buffer, which is also the size of a piece. */
const BYTES = 1 << 20;

/** Collects bytes into pieces for a sink. There is one buffer, which is reused for every piece. */
export class ImageOutput {
  /** The buffer as words, for {@linkcode words}. */
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(BYTES / 4);
  readonly #u8: Uint8Array<ArrayBuffer> = new Uint8Array(this.u32.buffer);
  readonly #sink: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Offset in the image of the first byte of the buffer. */
  #start = 0;
  #length = 0;

  /** Begins at offset 0 of an image. */
  constructor(sink: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#sink = sink;
  }

  /** Offset in the image of the next byte. */
  get at(): number {
    return this.#start + this.#length;
  }

  /** Writes zeros up to the offset `at`. */
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
   * Reserves words at the current offset, which must be a multiple of 4. Returns the index in
   * {@linkcode u32} of the first word. The caller must write all of the words, because the buffer
   * holds old data.
   */
  words(count: number): number {
    if (this.#length + count * 4 > BYTES) this.flush();
    const word = this.#length >>> 2;
    this.#length += count * 4;
    return word;
  }

  /** Writes a copy of `bytes[from, to)`. */
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

  /** Passes the filled part of the buffer to the sink. */
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
