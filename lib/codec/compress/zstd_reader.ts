import { VarveError } from "../../errors.ts";
import type { Decoder } from "./inflater.ts";
import { limitError } from "./limit_error.ts";
import type { CompressLimits } from "./limits.ts";
import { littleEndian } from "./little_endian.ts";
import type { Meter } from "./meter.ts";
import type { OutputBuffer, Sink } from "./output_buffer.ts";
import {
  frameHeaderBytes,
  hasReservedBit,
  MAX_HEADER_BYTES,
  parseFrameHeader,
} from "./zstd_header.ts";

const MAGIC = 0xfd2fb528;
/** The first of the 16 magics of skippable frames. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * Maximum number of blocks that one call decodes. A block has at most 128 KiB, so a call makes at
 * most 32 MiB.
 */
const STEP_BLOCKS = 255;

/** The part that the next byte belongs to. `"gap"` is between frames and after the last frame. */
type State =
  | "gap"
  | "magic"
  | "skipSize"
  | "skip"
  | "header"
  | "blockHeader"
  | "block"
  | "checksum";

/**
 * Reads a sequence of zstd frames, including skippable frames.
 *
 * It parses the block headers itself, to know where each frame ends, and passes only whole frames
 * to its decoder. Decoders stop silently at the end of a frame, or do not notice a truncated frame.
 */
export class ZstdReader {
  readonly #decoder: Decoder;
  readonly #limits: CompressLimits;
  readonly #meter: Meter;
  readonly #output: OutputBuffer;
  /** Collects a magic, a frame header or a block header. */
  readonly #field = new Uint8Array(MAX_HEADER_BYTES);
  /** Number of bytes collected in `#field`. */
  #have = 0;
  #state: State = "magic";
  /** Number of bytes that are left of the current skippable frame, block or checksum. */
  #left = 0;
  #lastBlock = false;
  #hasChecksum = false;
  #contentBytes: number | undefined;
  /** Value of `bytesOut` at the start of the frame. */
  #frameStart = 0;
  /** Whether the last block of the frame and its checksum, if there is one, were read. */
  #complete = false;
  /** Whether a block of the reserved type was found. */
  #sawReserved = false;

  constructor(decoder: Decoder, limits: CompressLimits, meter: Meter, output: OutputBuffer) {
    this.#decoder = decoder;
    this.#limits = limits;
    this.#meter = meter;
    this.#output = output;
  }

  push(input: Uint8Array, start: number, sink: Sink): number {
    const end = input.length;
    if (!this.#inBlocks) {
      const next = this.#step(input, start, end, sink);
      this.#meter.bytesIn += next - start;
      return next;
    }
    const next = this.#walkBlocks(input, start, end);
    this.#meter.bytesIn += next - start;
    this.#feed(input, start, next, sink);
    // Throw this only now, after all earlier bytes were decoded, so that the size of the pieces
    // does not change which error is reported.
    if (this.#sawReserved) throw malformed("a block of the reserved type");
    if (this.#complete) this.#endFrame();
    return next;
  }

  /** @throws {VarveError} `E_TRUNCATED` when the stream is not complete */
  end(): void {
    if (this.#state === "gap") return;
    throw new VarveError(
      "E_TRUNCATED",
      `Cannot decompress zstd stream: it ends inside of frame ${this.#meter.members}`,
    );
  }

  close(): void {
    this.#decoder.close();
  }

  get #inBlocks(): boolean {
    const state = this.#state;
    return state === "blockHeader" || state === "block" || state === "checksum";
  }

  #step(input: Uint8Array, at: number, end: number, sink: Sink): number {
    switch (this.#state) {
      case "gap": {
        let next = at;
        while (next < end && input[next] === 0) next++;
        if (next < end) this.#next("magic");
        return next;
      }
      case "magic":
        return this.#takeMagic(input, at, end);
      case "skipSize": {
        const next = this.#gather(4, input, at, end);
        if (this.#have === 4) {
          this.#left = littleEndian(this.#field, 0, 4);
          this.#next(this.#left > 0 ? "skip" : "gap");
        }
        return next;
      }
      case "skip": {
        const next = Math.min(end, at + this.#left);
        this.#left -= next - at;
        if (this.#left === 0) this.#next("gap");
        return next;
      }
      default:
        return this.#takeHeader(input, at, end, sink);
    }
  }

  #takeMagic(input: Uint8Array, at: number, end: number): number {
    const next = this.#gather(4, input, at, end);
    const first = this.#field[0]!;
    const magic = this.#have === 4 ? littleEndian(this.#field, 0, 4) : undefined;
    const skippable = magic !== undefined && magic - (magic % 16) === SKIPPABLE_MAGIC;
    const known = magic === undefined
      ? first === MAGIC % 256 || first - (first % 16) === SKIPPABLE_MAGIC % 256
      : magic === MAGIC || skippable;
    if (!known) {
      if (this.#meter.members === 0) {
        throw malformed("it does not begin with the magic bytes of zstd");
      }
      throw new VarveError("E_TRAILING", "Cannot decompress zstd stream: bytes follow its end");
    }
    if (magic !== undefined) {
      this.#meter.addMember();
      this.#state = skippable ? "skipSize" : "header";
      // A frame header is collected together with its magic, because the decoder needs both.
      if (skippable) this.#have = 0;
    }
    return next;
  }

  #takeHeader(input: Uint8Array, at: number, end: number, sink: Sink): number {
    let next = this.#gather(5, input, at, end);
    if (this.#have < 5) return next;
    const descriptor = this.#field[4]!;
    if (hasReservedBit(descriptor)) throw malformed("a reserved bit is set");
    const length = frameHeaderBytes(descriptor);
    next = this.#gather(length, input, next, end);
    if (this.#have < length) return next;
    this.#beginFrame(this.#field.subarray(0, length), sink);
    return next;
  }

  #beginFrame(bytes: Uint8Array, sink: Sink): void {
    const header = parseFrameHeader(bytes);
    if (header.dictionaryId !== 0) throw malformed(`it needs dictionary ${header.dictionaryId}`);
    const { zstdWindowBytes } = this.#limits;
    if (header.windowBytes > zstdWindowBytes) {
      throw limitError("zstdWindowBytes", "its window", zstdWindowBytes, header.windowBytes);
    }
    this.#hasChecksum = header.hasChecksum;
    this.#contentBytes = header.contentBytes;
    this.#frameStart = this.#meter.bytesOut;
    this.#decoder.reset();
    this.#feed(bytes, 0, bytes.length, sink);
    this.#next("blockHeader");
  }

  /**
   * Parses block headers and skips over at most `STEP_BLOCKS` blocks, at most to the end of the
   * frame.
   */
  #walkBlocks(input: Uint8Array, start: number, end: number): number {
    let at = start;
    let blocks = 0;
    while (at < end && this.#inBlocks && blocks <= STEP_BLOCKS) {
      if (this.#state === "blockHeader") {
        blocks++;
        at = this.#gather(BLOCK_HEADER_BYTES, input, at, end);
        if (this.#have === BLOCK_HEADER_BYTES) this.#beginBlock();
      } else {
        const next = Math.min(end, at + this.#left);
        this.#left -= next - at;
        at = next;
        if (this.#left === 0) this.#endBlock();
      }
    }
    return at;
  }

  /** A block header: last (1 bit), type (2 bits), size (21 bits). */
  #beginBlock(): void {
    const header = littleEndian(this.#field, 0, BLOCK_HEADER_BYTES);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) {
      this.#sawReserved = true;
      return this.#next("gap");
    }
    this.#lastBlock = (header & 1) !== 0;
    this.#left = type === RLE_BLOCK ? 1 : header >> 3;
    this.#next("block");
    if (this.#left === 0) this.#endBlock();
  }

  /** Moves to the part that follows a block or the checksum. */
  #endBlock(): void {
    if (this.#state === "block" && !this.#lastBlock) return this.#next("blockHeader");
    if (this.#state === "block" && this.#hasChecksum) {
      this.#left = CHECKSUM_BYTES;
      return this.#next("checksum");
    }
    this.#complete = true;
    this.#next("gap");
  }

  #feed(input: Uint8Array, start: number, end: number, sink: Sink): void {
    let at = start;
    while (true) {
      const buffer = this.#output.buffer;
      const from = this.#output.at;
      this.#decoder.write(input, at, end, buffer, from);
      const { consumed, produced } = this.#decoder;
      at += consumed;
      const full = from + produced === buffer.length;
      if (produced > 0) this.#output.advance(produced, sink);
      if (full) continue;
      if (at === end) return;
      if (consumed + produced === 0) throw malformed("its decoder stopped inside of a frame");
    }
  }

  #endFrame(): void {
    this.#complete = false;
    const actual = this.#meter.bytesOut - this.#frameStart;
    const expected = this.#contentBytes;
    if (expected !== undefined && expected !== actual) {
      throw malformed("a frame has another size than its header states", { expected, actual });
    }
  }

  #gather(length: number, input: Uint8Array, at: number, end: number): number {
    let next = at;
    while (next < end && this.#have < length) this.#field[this.#have++] = input[next++]!;
    return next;
  }

  #next(state: State): void {
    this.#state = state;
    this.#have = 0;
  }
}

function malformed(
  state: string,
  details: { readonly expected?: number | undefined; readonly actual?: number | undefined } = {},
): VarveError {
  return new VarveError("E_FORMAT", `Cannot decompress zstd stream: ${state}`, details);
}
