/**
 * Decodes one compressed piece after another, synchronously, from memory into memory.
 *
 * What comes out of one `write` is told by `consumed` and `produced`. An implementation throws
 * `VarveError` `E_FORMAT` for bytes that are not of its format, and is then only to be closed.
 */
export interface Decoder {
  /** How many bytes the last `write` took. */
  readonly consumed: number;
  /** How many bytes the last `write` gave. */
  readonly produced: number;
  /** Gets ready for a new piece (a deflate stream, a zstd frame). */
  reset(): void;
  /**
   * Decodes `input[start, end)` into `output[at, …)` until the input is used up, the output is
   * full, or the piece ends.
   *
   * @returns whether the piece is known to have ended. It may have ended exactly with the input
   *   and not be known to; then the next call takes nothing and says so
   */
  write(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number): boolean;
  /** Frees native memory. May be called again; nothing else may be called after it. */
  close(): void;
}

/** Decodes what lies between a gzip member's header and its trailer. */
export interface Inflater extends Decoder {
  /**
   * Whether it also takes the 8 bytes of the trailer and checks them (`E_FORMAT` when CRC32 or
   * ISIZE differ), so that the piece ends behind them; otherwise the caller does.
   */
  readonly checksTrailer: boolean;
}
