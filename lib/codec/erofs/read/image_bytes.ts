import type { TreeSource } from "../../../tree/mod.ts";
import { damaged } from "../errors.ts";

const WINDOW = 1 << 18;

/** The bytes of an image, read through a window. Nothing outside of it is ever asked for. */
export class ImageBytes {
  /** Bytes of the image. */
  readonly size: number;
  readonly #source: TreeSource;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #left: number;

  /** Reads a source that has so many bytes. */
  constructor(source: TreeSource) {
    this.#source = source;
    this.size = source.size;
    this.#left = source.size;
  }

  /** Bytes at a place; not to be kept nor changed. @throws {VarveError} `E_FORMAT` outside of the image */
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

  /** The same with a view for numbers. */
  view(offset: number, length: number): DataView {
    const { buffer, byteOffset } = this.at(offset, length);
    return new DataView(buffer, byteOffset, length);
  }

  /**
   * Takes what is read once from what the image has: a whole image never says
   * more than its bytes, so whoever lets things overlap runs out of it.
   *
   * @throws {VarveError} `E_FORMAT` when the parts are more than the whole
   */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (!(this.#left >= 0)) damaged("its parts overlap");
  }

  #read(offset: number, length: number): Uint8Array {
    const bytes = this.#source.readSync(offset, length);
    if (bytes.length !== length) damaged("it is shorter than it was said to be");
    return bytes;
  }
}
