import type { TreeSource } from "../../../tree/mod.ts";
import { damaged } from "../errors.ts";

/** Number of bytes that are read at once. */
const WINDOW = 1 << 18;

/**
 * The bytes of an image, read in windows of 256 KiB. Bytes outside the image are never requested.
 */
export class ImageBytes {
  /** Size of the image in bytes. */
  readonly size: number;
  readonly #source: TreeSource;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #left: number;

  /** Makes a reader of an image. */
  constructor(source: TreeSource) {
    this.#source = source;
    this.size = source.size;
    this.#left = source.size;
  }

  /**
   * Reads `length` bytes at `offset`. The view is valid until the next call. Do not change it.
   *
   * @throws {VarveError} `E_FORMAT` when the bytes are outside the image
   */
  at(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
      damaged(`it ends before ${length} bytes at ${offset}`);
    }
    const from = offset - this.#start;
    if (from >= 0 && from + length <= this.#window.length) {
      return this.#window.subarray(from, from + length);
    }
    if (length > WINDOW) return this.#read(offset, length);
    this.#window = this.#read(offset, Math.min(WINDOW, this.size - offset));
    this.#start = offset;
    return this.#window.subarray(0, length);
  }

  /** Does the same as {@linkcode at}, but returns a `DataView`. */
  view(offset: number, length: number): DataView {
    const { buffer, byteOffset } = this.at(offset, length);
    return new DataView(buffer, byteOffset, length);
  }

  /**
   * Counts the bytes of a part of the image that is read, such as an inode or a directory. The
   * parts of a valid image do not overlap, and each is read once, so together they are never larger
   * than the image. A hostile image could refer to the same bytes again and again, so that a small
   * image expands without end.
   *
   * @throws {VarveError} `E_FORMAT` when all parts together are larger than the image
   */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (!(this.#left >= 0)) damaged("its parts overlap");
  }

  #read(offset: number, length: number): Uint8Array {
    const bytes = this.#source.readSync(offset, length);
    if (bytes.length !== length) damaged("it is shorter than its stated size");
    return bytes;
  }
}
