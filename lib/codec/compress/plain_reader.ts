import type { Meter } from "./meter.ts";
import type { Sink } from "./output_buffer.ts";

/** Passes an uncompressed stream on, and counts its bytes against the limits. */
export class PlainReader {
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  push(input: Uint8Array, start: number, sink: Sink): number {
    const bytes = start === 0 ? input : input.subarray(start);
    this.#meter.bytesIn += bytes.length;
    this.#meter.addOutput(bytes.length);
    sink(bytes);
    return input.length;
  }

  end(): void {}

  close(): void {}
}
