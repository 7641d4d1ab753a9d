import {
  type CompressedPiece,
  compressedRoom,
  compressPieceInto,
  type CompressPieceOptions,
  joinPieces,
  PIECE_BYTES,
  splitPieces,
} from "../codec/compress/mod.ts";
import type { Job, Pool } from "../pool/mod.ts";

/** Input of {@linkcode compressJob}. */
export interface CompressJobInput extends CompressPieceOptions {
  /** The piece, uncompressed. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Memory for the compressed piece, as `compressPieceInto` takes it. */
  readonly room: Uint8Array<SharedArrayBuffer>;
}

/** Compresses one piece of a stream. Input and output are shared memory, which is not copied between threads. */
export const compressJob: Job<CompressJobInput, CompressedPiece<SharedArrayBuffer>> = {
  name: "compress",
  entry: "layer",
  async run({ bytes, room, ...options }) {
    return await Promise.resolve(compressPieceInto(bytes, options, room));
  },
};

/** Pieces in flight for each worker: one piece is compressed while the next piece waits. */
const AHEAD = 2;

/**
 * Compresses a stream in pieces of a fixed size, on all workers. The output is the same as that of
 * `compress`, with any number of workers. A chunk is valid until the next chunk is requested,
 * because its memory is reused.
 */
export function compressInPool(
  pool: Pool,
  source: AsyncIterable<Uint8Array>,
  options: CompressPieceOptions & { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  return joinPieces(options.format, piecesInPool(pool, source, options));
}

async function* piecesInPool(
  pool: Pool,
  source: AsyncIterable<Uint8Array>,
  { signal, ...options }: CompressPieceOptions & { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<CompressedPiece<SharedArrayBuffer>, void, undefined> {
  const running: Promise<CompressedPiece<SharedArrayBuffer>>[] = [];
  const slots = pool.size * AHEAD;
  // Memory of each slot, for a piece and for its compressed form. It is reused once the consumer
  // has taken the compressed form. New memory for each piece would become garbage, and V8 lets
  // 64 MiB and more gather in each thread before it collects.
  const memory: Uint8Array<SharedArrayBuffer>[] = [];
  const rooms: Uint8Array<SharedArrayBuffer>[] = [];
  let at = 0;
  const length = PIECE_BYTES[options.format];
  const cancel = { signal };
  try {
    const pieces = splitPieces(source, length, () => memory[at % slots] ??= shared(length));
    for await (const bytes of pieces) {
      const room = rooms[at++ % slots] ??= shared(compressedRoom(length));
      const piece = pool.run(compressJob, { bytes, room, ...options }, cancel);
      // Prevents an unhandled rejection: an error is thrown later, when the promise is awaited.
      piece.catch(() => {});
      running.push(piece);
      if (running.length >= slots) yield await (running.shift() as typeof piece);
    }
    for (let piece = running.shift(); piece !== undefined; piece = running.shift()) {
      yield await piece;
    }
  } finally {
    await Promise.allSettled(running);
  }
}

function shared(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}
