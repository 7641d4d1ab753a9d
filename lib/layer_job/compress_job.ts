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
  /** One piece. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Where to: as for `compressPieceInto`. */
  readonly room: Uint8Array<SharedArrayBuffer>;
}

/** Compresses one piece of a stream. Shared memory is not copied on its way to a worker and back. */
export const compressJob: Job<CompressJobInput, CompressedPiece<SharedArrayBuffer>> = {
  name: "compress",
  entry: "layer",
  async run({ bytes, room, ...options }) {
    return await Promise.resolve(compressPieceInto(bytes, options, room));
  },
};

/** Pieces that are under way for each worker: one is worked on while the next waits. */
const AHEAD = 2;

/**
 * Compresses a stream in pieces of a fixed size, by all workers. However many there are, the same
 * bytes come out: those of `compress`. What it gives is to be used up before the next is asked for:
 * its memory is used again.
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
  // A piece and what comes of it for each slot, used again when that was taken: as garbage they would
  // stay in memory, 64 MiB and more in each thread before its engine collects them.
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
