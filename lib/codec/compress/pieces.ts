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

/** Cuts a stream into pieces of exactly `length` bytes; only the last may be shorter, none is empty. */
export async function* splitPieces(
  source: ByteSource,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new RangeError(`Cannot cut a stream into pieces of ${length} bytes`);
  }
  // A new buffer for each piece: they are to be handed to other threads.
  let piece = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + length - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < length) continue;
      yield piece;
      piece = new Uint8Array(length);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
