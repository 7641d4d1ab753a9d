/** Size of a batch in bytes. Writing each 512-byte header alone would cost more than copying it. */
const BATCH = 64 * 1024;

/**
 * Collects small pieces into batches of 64 KiB. A batch that was returned is not used again, so a
 * stream may keep it.
 */
export class ByteBatch {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BATCH);
  #length = 0;
  #full: Uint8Array<ArrayBuffer>[] = [];

  /** Appends a copy of bytes. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + BATCH - this.#length);
      this.#buffer.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
      if (this.#length < BATCH) continue;
      this.#full.push(this.#buffer);
      this.#buffer = new Uint8Array(BATCH);
      this.#length = 0;
    }
  }

  /** Removes and returns the batches that are full. */
  take(): readonly Uint8Array<ArrayBuffer>[] {
    const full = this.#full;
    if (full.length > 0) this.#full = [];
    return full;
  }

  /** Removes and returns all batches, the last of which may be partly filled. */
  rest(): readonly Uint8Array<ArrayBuffer>[] {
    const last = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    return last.length > 0 ? [...this.take(), last] : this.take();
  }
}
