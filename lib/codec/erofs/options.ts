import type { DiffId } from "../../digest/mod.ts";

/** Options of {@linkcode writeErofs}. */
export interface WriteErofsOptions {
  /**
   * Reads bytes of a layer's uncompressed tar; asked only where content must be
   * copied into the image: of sparse files that are not cut at multiples of 512,
   * and of files in {@linkcode WriteErofsOptions.dirty} layers.
   */
  readonly read?: ReadLayer | undefined;
  /**
   * Layers in which something other than zeros may stand between the end of a
   * file and the next multiple of 512. It would be seen through mmap(2), so the
   * end of each such file is read, and copied where that is so.
   */
  readonly dirty?: ReadonlySet<DiffId> | undefined;
}

/**
 * Reads `length` bytes at `position` of the uncompressed tar of a layer. They
 * are not kept beyond the next call.
 */
export type ReadLayer = (source: DiffId, position: number, length: number) => Uint8Array;

/** An image that is planned: its size and devices are known, nothing is written yet. */
export interface ErofsImage {
  /** Bytes of the image, a multiple of 512. */
  readonly size: number;
  /** Inodes in it: hard links count once. */
  readonly inodes: number;
  /** The layers that its files lie in, in the order in which the mount takes their tars as devices. */
  readonly devices: readonly DiffId[];
  /** Bytes of content that are copied into it. */
  readonly copied: number;
  /**
   * Writes it from the first byte to the last, in pieces of at most 1 MiB. Their
   * buffer is used again: a sink must have written or copied them when it returns.
   * May be called again.
   *
   * @throws {VarveError} `E_TRUNCATED` when a layer gives fewer bytes than were asked for
   */
  write(sink: (bytes: Uint8Array<ArrayBuffer>) => void): void;
}
