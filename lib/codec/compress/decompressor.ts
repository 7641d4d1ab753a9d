import { type Compression, sniff, SNIFF_BYTES } from "./compression.ts";
import { GzipReader } from "./gzip_reader.ts";
import type { Inflater } from "./inflater.ts";
import { type CompressLimits, resolveCompressLimits } from "./limits.ts";
import { Meter } from "./meter.ts";
import { createNodeInflater, createNodeZstdDecoder } from "./node_zlib.ts";
import { OutputBuffer, type Sink } from "./output_buffer.ts";
import { PlainReader } from "./plain_reader.ts";
import { ZstdReader } from "./zstd_reader.ts";

export type { Sink };

/** Options of a {@linkcode Decompressor}. */
export interface DecompressorOptions {
  /** Compression of the stream. Default: detected from its first bytes. */
  readonly compression?: Compression | undefined;
  /** Limits that differ from {@linkcode DEFAULT_COMPRESS_LIMITS}. */
  readonly limits?: Partial<CompressLimits> | undefined;
  /**
   * Makes the inflater for gzip. When it is absent or returns `undefined`, node:zlib inflates. The
   * decompressor closes the inflater.
   */
  readonly createInflater?: (() => Inflater | undefined) | undefined;
  /**
   * Returns memory for the next piece of output, of any length except 0. The memory is filled, and
   * a view of it is passed to the sink. Default: one buffer of 256 KiB, which is reused for every
   * piece.
   */
  readonly nextBuffer?: (() => Uint8Array) | undefined;
}

/** Size of the output buffer in bytes. A larger buffer was measured to be no faster. */
const BUFFER_BYTES = 256 * 1024;

/** Decodes one format. */
interface Reader {
  /**
   * Takes bytes from index `start`, until their output reaches a bound. Returns the index where it
   * stopped.
   */
  push(input: Uint8Array, start: number, sink: Sink): number;
  end(): void;
  close(): void;
}

/**
 * Decompresses gzip and zstd, synchronously and in bounded memory, from pieces of any size.
 *
 * Each `push` passes its output to the sink, in pieces of up to the size of a buffer. The pieces of
 * an uncompressed stream are passed on unchanged. Every checksum and length is verified. Only NULs
 * and further members or frames may follow a member or frame. After an error, every call except
 * `close` throws the same error again.
 *
 * @example
 * ```ts
 * import { Decompressor } from "@varve/varve/compress";
 *
 * let length = 0;
 * using decompressor = new Decompressor();
 * decompressor.push(new TextEncoder().encode("plain"), (bytes) => length += bytes.length);
 * decompressor.end((bytes) => length += bytes.length);
 * if (length !== 5 || decompressor.compression !== "none") throw new Error("5 bytes expected");
 * ```
 */
export class Decompressor implements Disposable {
  readonly #limits: CompressLimits;
  readonly #options: DecompressorOptions;
  readonly #meter: Meter;
  readonly #output: OutputBuffer;
  /** The first bytes of the stream, until there are enough to detect its compression. */
  #head: Uint8Array = new Uint8Array(0);
  #reader: Reader | undefined;
  #compression: Compression | undefined;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  /**
   * Makes a decompressor for one stream.
   *
   * @throws {RangeError} when a limit is not a safe integer of at least 0
   */
  constructor(options: DecompressorOptions = {}) {
    this.#options = options;
    this.#limits = resolveCompressLimits(options.limits);
    this.#meter = new Meter(this.#limits);
    let buffer: Uint8Array | undefined;
    const nextBuffer = (): Uint8Array => buffer ??= new Uint8Array(BUFFER_BYTES);
    this.#output = new OutputBuffer(this.#meter, options.nextBuffer ?? nextBuffer);
    if (options.compression !== undefined) this.#reader = this.#open(options.compression);
  }

  /** Compression of the stream; `undefined` until it is detected, after 512 bytes or at the end. */
  get compression(): Compression | undefined {
    return this.#compression;
  }

  /** Number of input bytes used so far. */
  get bytesIn(): number {
    return this.#meter.bytesIn;
  }

  /** Number of output bytes made so far. */
  get bytesOut(): number {
    return this.#meter.bytesOut;
  }

  /** Number of gzip members or zstd frames begun so far. */
  get members(): number {
    return this.#meter.members;
  }

  /**
   * Takes the next chunk, of any size, and passes its output to the sink.
   *
   * @throws {VarveError} `E_COMPRESSION` for a compression that is not supported, `E_FORMAT` for
   *   damage, `E_TRAILING` for bytes after the end, `E_LIMIT` for an exceeded limit (the message
   *   names it), `E_UNSUPPORTED` when the runtime cannot decompress the format
   */
  push(bytes: Uint8Array, sink: Sink): void {
    this.#guard(() => {
      for (let at = 0; at < bytes.length;) at = this.#take(bytes, at, sink);
      this.#output.flush(sink);
    });
  }

  /**
   * Takes the next bytes from index `start`, until their output reaches 32 MiB. Use it when the
   * output must be kept in memory. {@linkcode Decompressor.push} calls this in a loop.
   *
   * @returns the index in `bytes` where it stopped
   * @throws {VarveError} as {@linkcode Decompressor.push}
   */
  pushSome(bytes: Uint8Array, start: number, sink: Sink): number {
    return this.#guard(() => {
      const at = this.#take(bytes, start, sink);
      this.#output.flush(sink);
      return at;
    });
  }

  /**
   * Ends the stream and passes the rest of the output to the sink. Closes the decompressor.
   *
   * @throws {VarveError} `E_TRUNCATED` when the stream is not complete; else as
   * {@linkcode Decompressor.push}
   */
  end(sink: Sink): void {
    this.#guard(() => {
      if (this.#reader === undefined) {
        this.#reader = this.#open(sniff(this.#head));
        this.#takeHead(this.#reader, sink);
      }
      this.#reader.end();
      this.#output.flush(sink);
    });
    this.close();
  }

  /** Frees native memory. Idempotent. `end` and every error close the decompressor too. */
  close(): void {
    this.#closed = true;
    this.#reader?.close();
  }

  /** Closes the decompressor. */
  [Symbol.dispose](): void {
    this.close();
  }

  #take(bytes: Uint8Array, start: number, sink: Sink): number {
    if (this.#reader !== undefined) return this.#reader.push(bytes, start, sink);
    const had = this.#head.length;
    const next = start + SNIFF_BYTES - had;
    this.#head = joined(this.#head, bytes.subarray(start, next));
    if (this.#head.length < SNIFF_BYTES) return bytes.length;
    this.#reader = this.#open(sniff(this.#head));
    if (had === 0) return this.#reader.push(bytes, start, sink);
    this.#takeHead(this.#reader, sink);
    return next;
  }

  #takeHead(reader: Reader, sink: Sink): void {
    for (let at = 0; at < this.#head.length;) at = reader.push(this.#head, at, sink);
  }

  #open(compression: Compression): Reader {
    this.#compression = compression;
    if (compression === "none") return new PlainReader(this.#meter);
    if (compression === "gzip") {
      const inflater = this.#options.createInflater?.() ?? createNodeInflater();
      return new GzipReader(inflater, this.#limits, this.#meter, this.#output);
    }
    const decoder = createNodeZstdDecoder(this.#limits.zstdWindowBytes);
    return new ZstdReader(decoder, this.#limits, this.#meter, this.#output);
  }

  /**
   * Runs a step. An error ends the stream for good, because the following bytes could be misread.
   */
  #guard<T>(step: () => T): T {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#closed) throw new TypeError("Cannot decompress: the decompressor is closed");
    try {
      return step();
    } catch (error) {
      this.#failure = { error };
      this.close();
      throw error;
    }
  }
}

function joined(head: Uint8Array, more: Uint8Array): Uint8Array {
  // Always copies, because the caller may reuse its bytes after the call.
  const bytes = new Uint8Array(head.length + more.length);
  bytes.set(head);
  bytes.set(more, head.length);
  return bytes;
}
