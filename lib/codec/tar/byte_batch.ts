/** Small pieces are collected up to this size: headers are 512 bytes, and a write costs more. */
const BATCH = 64 * 1024;

/**
 * Collects small pieces into larger ones. Each that it gives out is its own
 * memory, so that a stream may keep it.
 */
export class ByteBatch {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BATCH);
  #length = 0;
  #full: Uint8Array<ArrayBuffer>[] = [];

  /** Takes a copy of bytes. */
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

  /** What is full. */
  take(): readonly Uint8Array<ArrayBuffer>[] {
    const full = this.#full;
    if (full.length > 0) this.#full = [];
    return full;
  }

  /** All that is left. */
  rest(): readonly Uint8Array<ArrayBuffer>[] {
    const last = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    return last.length > 0 ? [...this.take(), last] : this.take();
  }
}
