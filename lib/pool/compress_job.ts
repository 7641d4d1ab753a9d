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
  /** One piece. */
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
  const cancel = signal === undefined ? {} : { signal };
  try {
    for await (const bytes of splitPieces(source, PIECE_BYTES[options.format])) {
      const piece = pool.run(compressJob, { bytes, ...options }, cancel);
      // Its error is thrown in its turn; until then nobody listens.
      piece.catch(() => {});
      running.push(piece);
      if (running.length >= pool.size * AHEAD) yield await (running.shift() as typeof piece);
    }
    for (let piece = running.shift(); piece !== undefined; piece = running.shift()) {
      yield await piece;
    }
  } finally {
    await Promise.allSettled(running);
  }
}
