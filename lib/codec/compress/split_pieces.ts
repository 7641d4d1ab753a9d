import type { ByteSource } from "./decompress.ts";

/**
 * Number of input bytes in a piece, by format. Pieces are compressed independently of each other,
 * so that any number of workers gives the same output. This makes gzip output 0.1 % larger. The
 * pieces of zstd are larger, because it has a larger window. Changing a number changes the digest
 * of every blob that is written.
 */
export const PIECE_BYTES: { readonly gzip: number; readonly zstd: number } = {
  gzip: 1024 ** 2,
  zstd: 4 * 1024 ** 2,
};

/**
 * Cuts a stream into pieces of exactly `length` bytes. Only the last piece may be shorter. No piece
 * is empty.
 *
 * @param room returns the memory for the next piece; called after the preceding piece was consumed.
 *   Default: new memory for each piece, which the consumer may keep
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
