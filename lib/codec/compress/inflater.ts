/**
 * Decodes one compressed piece after another (a deflate stream, a zstd frame), synchronously, from
 * memory into memory.
 *
 * After each `write`, `consumed` and `produced` say how many bytes it used and made. An
 * implementation throws `VarveError` `E_FORMAT` for bytes that are not of its format; after that,
 * only `close` may be called.
 */
export interface Decoder {
  /** Number of input bytes that the last `write` used. */
  readonly consumed: number;
  /** Number of output bytes that the last `write` made. */
  readonly produced: number;
  /** Prepares for a new piece. */
  reset(): void;
  /**
   * Decodes `input[start, end)` into `output[at, …)` until the input is used up, the output is
   * full, or the piece ends.
   *
   * @returns whether the piece is known to have ended. When a piece ends exactly at the end of the
   *   input, the result may be false; the next call then uses no input and returns true
   */
  write(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number): boolean;
  /** Frees native memory. Idempotent; no other method may be called afterwards. */
  close(): void;
}

/** Decodes the body of a gzip member: the raw deflate stream between its header and its trailer. */
export interface Inflater extends Decoder {
  /**
   * Whether the inflater also reads and checks the 8 bytes of the trailer (`E_FORMAT` when CRC32 or
   * ISIZE differ). The piece then ends after the trailer. Otherwise the caller reads and checks the
   * trailer.
   */
  readonly checksTrailer: boolean;
}
