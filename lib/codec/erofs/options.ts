import type { DiffId } from "../../digest/mod.ts";

/** Options of {@linkcode writeErofs}. */
export interface WriteErofsOptions {
  /**
   * Reads bytes of a layer's uncompressed tar. Needed only for content that must be copied into the
   * image: sparse files whose extents do not begin at multiples of 512, and files in
   * {@linkcode WriteErofsOptions.dirty} layers.
   */
  readonly read?: ReadLayer | undefined;
  /**
   * Layers with dirty padding: bytes other than zeros may be between the end of a file and the next
   * multiple of 512. A program could see them through mmap(2). So the padding of each file in such
   * a layer is read. If it is dirty, or cut by the end of the tar, the end of the file is copied
   * into the image.
   */
  readonly dirty?: ReadonlySet<DiffId> | undefined;
  /**
   * Called after every few entries while the image is planned. If it throws, the plan ends with that
   * error.
   */
  readonly checkpoint?: (() => void) | undefined;
}

/** Number of entries between two calls of {@linkcode WriteErofsOptions.checkpoint}. */
export const CHECKPOINT = 1024;

/**
 * Reads `length` bytes at offset `position` of the uncompressed tar of a layer. The result is not
 * used after the next call.
 */
export type ReadLayer = (source: DiffId, position: number, length: number) => Uint8Array;

/** A planned image: its size and devices are known, but nothing is written yet. */
export interface ErofsImage {
  /** Size of the image in bytes, a multiple of 512. */
  readonly size: number;
  /** Number of inodes. All hard links of a file count once. */
  readonly inodes: number;
  /**
   * The layers that hold the content of files. A mount takes their tars as devices, in this order.
   */
  readonly devices: readonly DiffId[];
  /** Number of content bytes that are copied into the image. */
  readonly copied: number;
  /**
   * Writes the image from the first byte to the last, in pieces of at most 1 MiB. The buffer of a
   * piece is reused, so the sink must have written or copied the piece when it returns. `write` can
   * be called several times.
   *
   * @throws {VarveError} `E_TRUNCATED` when `read` returns fewer bytes than requested
   */
  write(sink: (bytes: Uint8Array<ArrayBuffer>) => void): void;
}
