import { toTransformStream } from "@std/streams";
import { Decompressor, type DecompressorOptions } from "./decompressor.ts";

/** How {@linkcode decompress} works. */
export interface DecompressOptions extends Omit<DecompressorOptions, "nextBuffer"> {
  /** Ends it: its reason is thrown untouched. */
  readonly signal?: AbortSignal;
}

/** Bytes as they arrive. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const BUFFER_BYTES = 256 * 1024;

/**
 * How many bytes are decoded before what came of them is handed out. 4 bytes of zstd can be 128 KiB
 * and one of gzip 1032, so that this bounds memory to 32 MiB for zstd and 16 MiB for gzip.
 */
const STEP_BYTES = { gzip: 16 * 1024, zstd: 1024, none: 1024 * 1024 } as const;

/**
 * Decompresses a stream; a {@linkcode Decompressor} for asynchronous code.
 *
 * The pieces belong to who receives them.
 *
 * @throws {VarveError} as {@linkcode Decompressor}'s `push` and `end`
 */
export async function* decompress(
  source: ByteSource,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { signal, ...rest } = options;
  const nextBuffer = (): Uint8Array => new Uint8Array(BUFFER_BYTES);
  using decompressor = new Decompressor({ ...rest, nextBuffer });
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  const sink = (bytes: Uint8Array): void => void pieces.push(owned(bytes));
  for await (const chunk of source) {
    signal?.throwIfAborted();
    for (let at = 0; at < chunk.length;) {
      const end = at + STEP_BYTES[decompressor.compression ?? "zstd"];
      decompressor.push(chunk.subarray(at, end), sink);
      yield* pieces;
      pieces = [];
      at = end;
    }
  }
  signal?.throwIfAborted();
  decompressor.end(sink);
  yield* pieces;
}

/**
 * Decompresses web streams, with back-pressure.
 *
 * @example
 * ```ts
 * import { DecompressingStream } from "@varve/varve/compress";
 *
 * const gzip = new Blob(["varve"]).stream().pipeThrough(new CompressionStream("gzip"));
 * const text = await new Response(gzip.pipeThrough(new DecompressingStream())).text();
 * if (text !== "varve") throw new Error("never");
 * ```
 */
export class DecompressingStream {
  /** Where the uncompressed bytes come out. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Where the compressed bytes go in. */
  readonly writable: WritableStream<Uint8Array>;

  /** Makes the stream. */
  constructor(options: DecompressOptions = {}) {
    const { readable, writable } = toTransformStream<Uint8Array, Uint8Array<ArrayBuffer>>(
      (source) => decompress(source, options),
    );
    this.readable = readable;
    this.writable = writable;
  }
}

/** Our own buffers are never shared memory; a plain stream's pieces are its giver's, and may be. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? bytes as Uint8Array<ArrayBuffer>
    : new Uint8Array(bytes);
}
