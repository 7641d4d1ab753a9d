import { VarveError } from "../../errors.ts";
import { GzipHeader, malformed } from "./gzip_header.ts";
import type { Inflater } from "./inflater.ts";
import type { CompressLimits } from "./limits.ts";
import { littleEndian } from "./little_endian.ts";
import type { Meter } from "./meter.ts";
import { crc32 } from "./node_zlib.ts";
import type { OutputBuffer, Sink } from "./output_buffer.ts";

/** Size of the trailer in bytes: CRC32 and ISIZE, 4 bytes each (RFC 1952, 2.3.1). */
const TRAILER_BYTES = 8;

/**
 * Maximum number of input bytes of one call. A byte of deflate inflates to at most 1032 bytes, so a
 * call makes at most 16 MiB.
 */
const STEP_BYTES = 16 * 1024;

/** Reads a sequence of gzip members. NULs may follow each member. */
export class GzipReader {
  readonly #inflater: Inflater;
  readonly #meter: Meter;
  readonly #output: OutputBuffer;
  readonly #header: GzipHeader;
  readonly #trailer = new Uint8Array(TRAILER_BYTES);
  #trailerHave = 0;
  #state: "header" | "body" | "trailer" | "gap" = "header";
  #crc = 0;
  /** Size of the member's content modulo 2³², to be compared with ISIZE. */
  #length = 0;

  constructor(inflater: Inflater, limits: CompressLimits, meter: Meter, output: OutputBuffer) {
    this.#inflater = inflater;
    this.#meter = meter;
    this.#output = output;
    this.#header = new GzipHeader(limits.gzipHeaderBytes);
    meter.addMember();
  }

  push(input: Uint8Array, start: number, sink: Sink): number {
    const end = Math.min(input.length, start + STEP_BYTES);
    let at = start;
    while (at < end) at = this.#step(input, at, end, sink);
    return at;
  }

  /** @throws {VarveError} `E_TRUNCATED` when the stream is not complete */
  end(): void {
    if (this.#state === "gap") return;
    throw new VarveError(
      "E_TRUNCATED",
      `Cannot decompress gzip stream: it ends in the ${this.#state} of member ${this.#meter.members}`,
    );
  }

  close(): void {
    this.#inflater.close();
  }

  #step(input: Uint8Array, at: number, end: number, sink: Sink): number {
    switch (this.#state) {
      case "header": {
        const next = this.#header.push(input, at, end);
        this.#meter.bytesIn += next - at;
        if (this.#header.done) this.#beginBody();
        return next;
      }
      case "body":
        return this.#inflate(input, at, end, sink);
      case "trailer":
        return this.#takeTrailer(input, at, end);
      case "gap":
        return this.#skipNuls(input, at, end);
    }
  }

  #beginBody(): void {
    this.#inflater.reset();
    this.#crc = this.#length = 0;
    this.#state = "body";
  }

  #inflate(input: Uint8Array, start: number, end: number, sink: Sink): number {
    const inflater = this.#inflater;
    const checks = !inflater.checksTrailer;
    let at = start;
    while (true) {
      const buffer = this.#output.buffer;
      const from = this.#output.at;
      const ended = inflater.write(input, at, end, buffer, from);
      const { consumed, produced } = inflater;
      at += consumed;
      this.#meter.bytesIn += consumed;
      const full = from + produced === buffer.length;
      if (produced > 0) {
        if (checks) {
          this.#crc = crc32(buffer.subarray(from, from + produced), this.#crc);
          this.#length = (this.#length + produced) % 0x1_0000_0000;
        }
        this.#output.advance(produced, sink);
      }
      if (ended) {
        this.#trailerHave = 0;
        this.#state = checks ? "trailer" : "gap";
        return at;
      }
      if (full) continue;
      if (at === end) return at;
      if (consumed + produced === 0) throw malformed("its decoder makes no progress");
    }
  }

  #takeTrailer(input: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.#trailerHave < TRAILER_BYTES) {
      this.#trailer[this.#trailerHave++] = input[at++]!;
    }
    this.#meter.bytesIn += at - start;
    if (this.#trailerHave === TRAILER_BYTES) {
      this.#compare("CRC-32", littleEndian(this.#trailer, 0, 4), this.#crc);
      this.#compare("length", littleEndian(this.#trailer, 4, 4), this.#length);
      this.#state = "gap";
    }
    return at;
  }

  #compare(what: string, expected: number, actual: number): void {
    if (expected === actual) return;
    throw malformed(`the ${what} of member ${this.#meter.members} differs`, { expected, actual });
  }

  #skipNuls(input: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && input[at] === 0) at++;
    this.#meter.bytesIn += at - start;
    if (at < end) {
      this.#header.reset();
      this.#header.push(input, at, at + 1);
      this.#meter.bytesIn++;
      this.#meter.addMember();
      this.#state = "header";
      at++;
    }
    return at;
  }
}
