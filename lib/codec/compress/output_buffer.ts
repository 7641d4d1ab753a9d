import type { Meter } from "./meter.ts";

/**
 * Takes a piece of the uncompressed bytes. The view is valid only during the call, unless its
 * memory came from `nextBuffer`.
 */
export type Sink = (bytes: Uint8Array) => void;

const NO_BYTES = new Uint8Array(0);

/**
 * Collects the output of decoders into a few large pieces, because a layer may have a million tiny
 * members.
 */
export class OutputBuffer {
  readonly #meter: Meter;
  readonly #nextBuffer: () => Uint8Array;
  #buffer: Uint8Array = NO_BYTES;
  #filled = 0;

  constructor(meter: Meter, nextBuffer: () => Uint8Array) {
    this.#meter = meter;
    this.#nextBuffer = nextBuffer;
  }

  /**
   * The memory to write to, from index {@linkcode at} on. It always has room for at least one byte.
   */
  get buffer(): Uint8Array {
    if (this.#buffer.length === 0) {
      this.#buffer = this.#nextBuffer();
      if (this.#buffer.length === 0) {
        throw new RangeError("Cannot decompress: nextBuffer returned no memory");
      }
    }
    return this.#buffer;
  }

  /** Index in the buffer of the next byte. */
  get at(): number {
    return this.#filled;
  }

  /** Records that `length` bytes were written. Passes a full buffer to the sink. */
  advance(length: number, sink: Sink): void {
    this.#meter.addOutput(length);
    this.#filled += length;
    if (this.#filled === this.#buffer.length) this.flush(sink);
  }

  /** Passes the filled part of the buffer to the sink. */
  flush(sink: Sink): void {
    if (this.#filled === 0) return;
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#buffer = NO_BYTES;
    this.#filled = 0;
    sink(piece);
  }
}
