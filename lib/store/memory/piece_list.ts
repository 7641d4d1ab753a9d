/**
 * Bytes in memory, in pieces. The pieces are never joined into one array, because joining needs
 * twice the memory for a moment.
 */
export class PieceList {
  /** Number of bytes. */
  readonly size: number;
  readonly #pieces: readonly Uint8Array[];
  /** The offset of the first byte of each piece. */
  readonly #starts: Float64Array;

  /** The pieces become part of the list. They must not change afterwards. */
  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.#starts = new Float64Array(pieces.length);
    let size = 0;
    for (const [i, { length }] of pieces.entries()) {
      this.#starts[i] = size;
      size += length;
    }
    this.size = size;
  }

  /** Views of the bytes from `start` to `end`, of at most `most` bytes each. */
  *views(start = 0, end: number = this.size, most: number = Infinity): Generator<Uint8Array> {
    for (let i = this.#at(start), at = start; at < end; i++) {
      const piece = this.#pieces[i] as Uint8Array;
      const first = this.#starts[i] as number;
      const stop = Math.min(end, first + piece.length);
      while (at < stop) {
        const next = Math.min(stop, at + most);
        yield piece.subarray(at - first, next - first);
        at = next;
      }
    }
  }

  /** A copy of the bytes from `start` to `end`. */
  copy(start = 0, end: number = this.size): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(end - start);
    let at = 0;
    for (const view of this.views(start, end)) {
      out.set(view, at);
      at += view.length;
    }
    return out;
  }

  /** Index of the piece that holds a byte. */
  #at(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
