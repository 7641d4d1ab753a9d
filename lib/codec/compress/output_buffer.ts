import type { Meter } from "./meter.ts";

/** Takes uncompressed bytes: a view that is valid only during the call, unless the memory was its own. */
export type Sink = (bytes: Uint8Array) => void;

const NO_BYTES = new Uint8Array(0);

/** Gathers what decoders give into few, large pieces: a layer may have a million tiny members. */
export class OutputBuffer {
  readonly #meter: Meter;
  readonly #nextBuffer: () => Uint8Array;
  #buffer: Uint8Array = NO_BYTES;
  #filled = 0;

  constructor(meter: Meter, nextBuffer: () => Uint8Array) {
    this.#meter = meter;
    this.#nextBuffer = nextBuffer;
  }

  /** The memory to write into, from {@linkcode at} on; there is always room. */
  get buffer(): Uint8Array {
    if (this.#buffer.length === 0) {
      this.#buffer = this.#nextBuffer();
      if (this.#buffer.length === 0) throw new RangeError("Cannot decompress into no memory");
    }
    return this.#buffer;
  }

  /** Where in the buffer the next byte goes. */
  get at(): number {
    return this.#filled;
  }

  /** Says that so many bytes were written. */
  advance(length: number, sink: Sink): void {
    this.#meter.addOutput(length);
    this.#filled += length;
    if (this.#filled === this.#buffer.length) this.flush(sink);
  }

  /** Hands out what there is. */
  flush(sink: Sink): void {
    if (this.#filled === 0) return;
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#buffer = NO_BYTES;
    this.#filled = 0;
    sink(piece);
  }
}
