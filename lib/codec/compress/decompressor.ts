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

/** How a {@linkcode Decompressor} works; all is optional. */
export interface DecompressorOptions {
  /** What the stream is; without it, its first bytes tell. */
  readonly compression?: Compression | undefined;
  /** Limits, where they are not {@linkcode DEFAULT_COMPRESS_LIMITS}. */
  readonly limits?: Partial<CompressLimits> | undefined;
  /** Makes what inflates gzip; node:zlib does it where it gives none. It is closed with the decompressor. */
  readonly createInflater?: (() => Inflater | undefined) | undefined;
  /**
   * Gives memory for the next piece of output, any length but 0: it is filled and then handed to
   * the sink, as a view of it. Without it one buffer of 256 KiB is used again and again.
   */
  readonly nextBuffer?: (() => Uint8Array) | undefined;
}

/** Measured: larger ones gain nothing. */
const BUFFER_BYTES = 256 * 1024;

interface Reader {
  /** Takes bytes from `start` on, as many as give a bounded output; returns where it stopped. */
  push(input: Uint8Array, start: number, sink: Sink): number;
  end(): void;
  close(): void;
}

/**
 * Decompresses gzip and zstd, synchronously, in bounded memory, whatever the size of the pieces.
 *
 * Each `push` hands out what came of it, in pieces of up to a buffer; an uncompressed stream's
 * pieces are handed out as they are. Every checksum and length is verified, the end is found
 * exactly, and behind it only NULs and further members or frames may stand. Nothing but `close`
 * may follow an error: the same error is thrown again.
 *
 * @example
 * ```ts
 * import { Decompressor } from "@varve/varve/compress";
 *
 * let length = 0;
 * using decompressor = new Decompressor();
 * decompressor.push(new TextEncoder().encode("plain"), (bytes) => length += bytes.length);
 * decompressor.end((bytes) => length += bytes.length);
 * if (length !== 5 || decompressor.compression !== "none") throw new Error("never");
 * ```
 */
export class Decompressor implements Disposable {
  readonly #limits: CompressLimits;
  readonly #options: DecompressorOptions;
  readonly #meter: Meter;
  readonly #output: OutputBuffer;
  /** The first bytes, while they are too few to tell what the stream is. */
  #head: Uint8Array = new Uint8Array(0);
  #reader: Reader | undefined;
  #compression: Compression | undefined;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  /** Makes a decompressor for one stream. @throws {RangeError} for a limit that is none */
  constructor(options: DecompressorOptions = {}) {
    this.#options = options;
    this.#limits = resolveCompressLimits(options.limits);
    this.#meter = new Meter(this.#limits);
    let buffer: Uint8Array | undefined;
    const nextBuffer = (): Uint8Array => buffer ??= new Uint8Array(BUFFER_BYTES);
    this.#output = new OutputBuffer(this.#meter, options.nextBuffer ?? nextBuffer);
    if (options.compression !== undefined) this.#reader = this.#open(options.compression);
  }

  /** How the stream is compressed, once that is known: after 512 bytes or at the end. */
  get compression(): Compression | undefined {
    return this.#compression;
  }

  /** Bytes of input that were used. */
  get bytesIn(): number {
    return this.#meter.bytesIn;
  }

  /** Bytes of output. */
  get bytesOut(): number {
    return this.#meter.bytesOut;
  }

  /** gzip members or zstd frames that were begun. */
  get members(): number {
    return this.#meter.members;
  }

  /**
   * Takes the next bytes, of any number, and hands out what they give.
   *
   * @throws {VarveError} `E_COMPRESSION` for one that is refused, `E_FORMAT` for damage,
   *   `E_TRAILING` for bytes behind the end, `E_LIMIT` for a limit, which it names,
   *   `E_UNSUPPORTED` where the runtime cannot do it
   */
  push(bytes: Uint8Array, sink: Sink): void {
    this.#guard(() => {
      for (let at = 0; at < bytes.length;) at = this.#take(bytes, at, sink);
      this.#output.flush(sink);
    });
  }

  /**
   * Takes the next bytes from `start` on, but at most as many as give 32 MiB, and hands out what
   * they give: for who must hold the output and so bound it. A `push` is a loop of this.
   *
   * @returns where in `bytes` it stopped
   * @throws {VarveError} as `push`
   */
  pushSome(bytes: Uint8Array, start: number, sink: Sink): number {
    return this.#guard(() => {
      const at = this.#take(bytes, start, sink);
      this.#output.flush(sink);
      return at;
    });
  }

  /**
   * Says that the stream has ended, and hands out the rest.
   *
   * @throws {VarveError} `E_TRUNCATED` when it is not complete, and as `push`
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

  /** Frees native memory; called by itself at the end and after an error. May be called again. */
  close(): void {
    this.#closed = true;
    this.#reader?.close();
  }

  /** The same as `close`. */
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

  /** An error ends the stream for good: what follows it could be taken for something else. */
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
  // A copy in any case: the caller's bytes are only lent.
  const bytes = new Uint8Array(head.length + more.length);
  bytes.set(head);
  bytes.set(more, head.length);
  return bytes;
}
