import type { Meter } from "./meter.ts";
import type { Sink } from "./output.ts";

/** Passes on what is not compressed, counted. */
export class PlainReader {
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  push(input: Uint8Array, sink: Sink): void {
    this.#meter.bytesIn += input.length;
    this.#meter.addOutput(input.length);
    if (input.length > 0) sink(input);
  }

  end(): void {}

  close(): void {}
}
