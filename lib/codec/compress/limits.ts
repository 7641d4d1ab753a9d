/**
 * Limits of a {@linkcode Decompressor}. A stream that exceeds a limit is refused with `E_LIMIT`.
 */
export interface CompressLimits {
  /** Size of the uncompressed stream in bytes. */
  readonly layerBytes: number;
  /**
   * Uncompressed bytes for each compressed byte, checked above `ratioFromBytes` uncompressed bytes.
   */
  readonly ratio: number;
  /**
   * Uncompressed bytes up to which the ratio is not checked, because short streams may compress
   * very well.
   */
  readonly ratioFromBytes: number;
  /** Number of gzip members or zstd frames, including skippable frames. */
  readonly members: number;
  /** Size of the header of one gzip member, in bytes. */
  readonly gzipHeaderBytes: number;
  /** Size in bytes of a zstd window, which is the memory that the decoder needs. At most 2 GiB. */
  readonly zstdWindowBytes: number;
}

/** The default limits. */
export const DEFAULT_COMPRESS_LIMITS: CompressLimits = {
  layerBytes: 64 * 1024 ** 3,
  ratio: 1000,
  ratioFromBytes: 100 * 1024 ** 2,
  members: 1_000_000,
  // The extra field alone may have 64 KiB; gzip does not limit name and comment.
  gzipHeaderBytes: 256 * 1024,
  zstdWindowBytes: 128 * 1024 ** 2,
};

/**
 * Completes limits with the defaults.
 *
 * @throws {RangeError} when a limit is not a safe integer of at least 0, or the window is over 2
 * GiB
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
