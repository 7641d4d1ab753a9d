const MIB = 2 ** 20;
/**
 * Minimum and maximum size of a piece in bytes: large enough to be worth a request, small enough to
 * hold in memory.
 */
const PIECE = { least: MIB / 2, most: 4 * MIB } as const;
/** Maximum fraction of a blob that is read ahead. An interrupted pull loses these bytes. */
const MAX_LOSS = 1 / 24;
/** Maximum bytes of a chunk of the resulting stream. */
const CHUNK = 256 * 1024;

/** Opens the bytes of a blob between two offsets. */
type OpenRange = (
  from: number,
  to: number,
  signal: AbortSignal,
) => AsyncGenerator<Uint8Array, void, void>;

/** Options of {@linkcode readAhead}. */
export interface ReadAheadPlan {
  /** Offset of the first byte. */
  readonly at: number;
  /** Size of the blob in bytes. */
  readonly size: number;
  /** Number of pieces that are read at the same time. */
  readonly connections: number;
  /** Whether several connections still help. Called before each further piece. */
  readonly helps: () => boolean;
}

/**
 * The pieces of a blob in order. Several pieces are read at the same time. The generator ends early
 * when `helps` returns false.
 */
export async function* readAhead(
  open: OpenRange,
  { at, size, connections, helps }: ReadAheadPlan,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stop = new AbortController();
  const both = AbortSignal.any([stop.signal, signal]);
  const most = clamp(MAX_LOSS * size / connections);
  const free: ArrayBuffer[] = [];
  const pending: Promise<Uint8Array<ArrayBuffer>>[] = [];
  let next = at;
  const begin = () => {
    if (next === size || !helps()) return;
    const length = Math.min(size - next, most, clamp((size - next) / (2 * connections)));
    const piece = new Uint8Array(free.pop() ?? new ArrayBuffer(most), 0, length);
    const read = readPiece(open(next, next + length, both), piece);
    // Prevents an unhandled rejection: the loop below awaits the promise later.
    read.catch(() => {});
    pending.push(read);
    next += length;
  };
  try {
    for (let i = 0; i < connections; i++) begin();
    for (let read = pending.shift(); read !== undefined; read = pending.shift()) {
      const piece = await read;
      begin();
      for (let from = 0; from < piece.length; from += CHUNK) {
        yield piece.subarray(from, from + CHUNK);
      }
      free.push(piece.buffer);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(pending);
  }
}

async function readPiece(
  stream: AsyncGenerator<Uint8Array, void, void>,
  piece: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  let filled = 0;
  for await (const bytes of stream) {
    // A server that sends the whole blob goes on after the piece.
    if (filled === piece.length) break;
    const wanted = bytes.subarray(0, piece.length - filled);
    piece.set(wanted, filled);
    filled += wanted.length;
  }
  return piece;
}

function clamp(length: number): number {
  return Math.ceil(Math.min(PIECE.most, Math.max(PIECE.least, length)));
}
