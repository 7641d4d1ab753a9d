import { toTransformStream } from "@std/streams";
import { Decompressor, type DecompressorOptions } from "./decompressor.ts";

/** Options of {@linkcode decompress}. */
export interface DecompressOptions extends Omit<DecompressorOptions, "nextBuffer"> {
  /** Aborts the stream; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** A stream of bytes, in chunks of any size. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Decompresses a stream: a {@linkcode Decompressor} for asynchronous code.
 *
 * The caller owns the pieces that it receives. At most 32 MiB are held in memory.
 *
 * @throws {VarveError} as {@linkcode Decompressor.push} and {@linkcode Decompressor.end}
 */
export async function* decompress(
  source: ByteSource,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { signal } = options;
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  const sink = (bytes: Uint8Array): void => void pieces.push(new Uint8Array(bytes));
  const decompressor = new Decompressor(options);
  // Closed in `finally`, because this room also runs in Node 22, which does not know `using`.
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      for (let at = 0; at < chunk.length;) {
        at = decompressor.pushSome(chunk, at, sink);
        yield* pieces;
        pieces = [];
      }
    }
    signal?.throwIfAborted();
    decompressor.end(sink);
    yield* pieces;
  } finally {
    decompressor[Symbol.dispose]();
  }
}

/**
 * Decompresses as a web transform stream, with back-pressure.
 *
 * @example
 * ```ts
 * import { DecompressingStream } from "@varve/varve/compress";
 *
 * const gzip = new Blob(["varve"]).stream().pipeThrough(new CompressionStream("gzip"));
 * const text = await new Response(gzip.pipeThrough(new DecompressingStream())).text();
 * if (text !== "varve") throw new Error("not the same text");
 * ```
 */
export class DecompressingStream {
  /** The uncompressed bytes. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Takes the compressed bytes. */
  readonly writable: WritableStream<Uint8Array>;

  /** Makes the pair of streams. */
  constructor(options: DecompressOptions = {}) {
    const { readable, writable } = toTransformStream<Uint8Array, Uint8Array<ArrayBuffer>>(
      (source) => decompress(source, options),
    );
    this.readable = readable;
    this.writable = writable;
  }
}
