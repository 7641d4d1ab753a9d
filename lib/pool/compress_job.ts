import {
  type CompressedPiece,
  compressPiece,
  type CompressPieceOptions,
  joinPieces,
  PIECE_BYTES,
  splitPieces,
} from "../codec/compress/mod.ts";
import type { Job, Pool } from "./contract.ts";

/** Input of {@linkcode compressJob}. */
export interface CompressJobInput extends CompressPieceOptions {
  /** One piece; shared memory is not copied on its way to a worker. */
  readonly bytes: Uint8Array;
}

/** Compresses one piece of a stream. */
export const compressJob: Job<CompressJobInput, CompressedPiece> = {
  name: "compress",
  entry: "layer",
  async run({ bytes, ...options }) {
    return await Promise.resolve(compressPiece(bytes, options));
  },
};

/** Pieces that are under way for each worker: one is worked on while the next waits. */
const AHEAD = 2;

/**
 * Compresses a stream in pieces of a fixed size, by all workers. However many there are, the same
 * bytes come out: those of `compress`.
 */
export function compressInPool(
  pool: Pool,
  source: AsyncIterable<Uint8Array>,
  options: CompressPieceOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  return joinPieces(options.format, piecesInPool(pool, source, options));
}

async function* piecesInPool(
  pool: Pool,
  source: AsyncIterable<Uint8Array>,
  { signal, ...options }: CompressPieceOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<CompressedPiece, void, undefined> {
  const running: Promise<CompressedPiece>[] = [];
  const slots = pool.size * AHEAD;
  // Each as large as a piece, and used again when the piece in it is compressed: as garbage they
  // would stay in memory by the hundred megabytes.
  const memory: Uint8Array<SharedArrayBuffer>[] = [];
  let at = 0;
  const room = (length: number) => memory[at++ % slots] ??= shared(length);
  const cancel = signal === undefined ? {} : { signal };
  try {
    for await (const bytes of splitPieces(source, PIECE_BYTES[options.format], room)) {
      const piece = pool.run(compressJob, { bytes, ...options }, cancel);
      // Its error is thrown in its turn; until then nobody listens.
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
