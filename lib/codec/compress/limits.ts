/** What a {@linkcode Decompressor} accepts at most; a stream that goes beyond is refused with `E_LIMIT`. */
export interface CompressLimits {
  /** Uncompressed bytes. */
  readonly layerBytes: number;
  /** Uncompressed bytes for one compressed byte, judged past `ratioFromBytes`. */
  readonly ratio: number;
  /** Uncompressed bytes up to which the ratio does not matter. */
  readonly ratioFromBytes: number;
  /** gzip members or zstd frames, skippable ones included. */
  readonly members: number;
  /** Bytes of the header of one gzip member. */
  readonly gzipHeaderBytes: number;
  /** Bytes of a zstd window: what its decoder must keep. At most 2 GiB. */
  readonly zstdWindowBytes: number;
}

/** The limits that hold where none are given. */
export const DEFAULT_COMPRESS_LIMITS: CompressLimits = {
  layerBytes: 64 * 1024 ** 3,
  ratio: 1000,
  ratioFromBytes: 100 * 1024 ** 2,
  members: 1_000_000,
  // The extra field alone may be 64 KiB; name and comment have no bound of their own.
  gzipHeaderBytes: 256 * 1024,
  zstdWindowBytes: 128 * 1024 ** 2,
};

/**
 * Completes limits with the defaults.
 *
 * @throws {RangeError} when a limit is not a safe integer of at least 0, or the window is over 2 GiB
 */
export function resolveCompressLimits(limits: Partial<CompressLimits> = {}): CompressLimits {
  const all = { ...DEFAULT_COMPRESS_LIMITS, ...limits };
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot limit decompression: ${name} is ${value}`);
    }
  }
  if (all.zstdWindowBytes > 2 ** 31) {
    throw new RangeError(`Cannot limit decompression: zstdWindowBytes is over 2 GiB`);
  }
  return all;
}
