import type { ByteSource } from "./decompress.ts";

/**
 * How many bytes are compressed on their own. To change them changes the digests of what is
 * written. Between pieces nothing is shared, so that any number of workers gives the same bytes:
 * of a gzip that costs 0.1 %. A zstd window is larger, and so are its pieces.
 */
export const PIECE_BYTES: { readonly gzip: number; readonly zstd: number } = {
  gzip: 1024 ** 2,
  zstd: 4 * 1024 ** 2,
};

/**
 * Cuts a stream into pieces of exactly `length` bytes; only the last may be shorter, none is empty.
 *
 * @param room makes what a piece is collected in, when the one before it was taken; new memory
 *   when absent, so that a piece stays its taker's
 */
export async function* splitPieces<Memory extends ArrayBufferLike = ArrayBuffer>(
  source: ByteSource,
  length: number,
  room: (length: number) => Uint8Array<Memory> = newMemory as never,
): AsyncGenerator<Uint8Array<Memory>, void, undefined> {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new RangeError(`Cannot cut a stream into pieces of ${length} bytes`);
  }
  let piece = room(length);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + length - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < length) continue;
      yield piece;
      piece = room(length);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

function newMemory(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length);
}
