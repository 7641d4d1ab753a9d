import { escapeForTerminal, zeros } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { HeaderEncoder, type TarEntry } from "./encode_header.ts";
import { BLOCK, tarPadding } from "./format.ts";
import type { TarHandler } from "./tar_handler.ts";

/**
 * Writes a tar archive. The same entries result in the same bytes. PAX headers are written only
 * when ustar cannot hold a value.
 *
 * It is a {@linkcode TarHandler}, so the entries of a reader can be written directly: `new
 * TarReader(new TarWriter(sink))`. Sparse files become ordinary files, with their holes written as
 * zeros: layers have no sparse entries in practice, and tools that split and rebuild layers break
 * on them.
 *
 * @example
 * ```ts
 * import { TarWriter } from "@varve/varve/tar";
 * import { fromText, timestamp } from "@varve/varve/tree";
 *
 * let size = 0;
 * const writer = new TarWriter((bytes) => size += bytes.length);
 * const content = new TextEncoder().encode("hello");
 * writer.entry({
 *   path: fromText("greeting"),
 *   type: "file",
 *   mode: 0o644,
 *   uid: 0,
 *   gid: 0,
 *   mtime: timestamp(0),
 *   size: content.length,
 *   linkname: fromText(""),
 *   devmajor: 0,
 *   devminor: 0,
 *   xattrs: [],
 * });
 * writer.data(content);
 * writer.endEntry();
 * writer.finish();
 * if (size !== 4 * 512) throw new Error("a header, a block of content and two of zeros");
 * ```
 */
export class TarWriter implements TarHandler {
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #headers = new HeaderEncoder();
  #position = 0;
  #entry: TarEntry | undefined;
  #left = 0;
  #finished = false;

  /** Makes a writer. `sink` gets the bytes in order; each view is valid only during the call. */
  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  /**
   * Number of bytes written so far. Directly after `entry`, this is the offset of the content in
   * the archive.
   */
  get position(): number {
    return this.#position;
  }

  /**
   * Begins an entry. Exactly `size` bytes of content must follow, then
   * {@linkcode TarWriter.endEntry}.
   *
   * @throws {RangeError} when a tar archive cannot hold a value
   * @throws {VarveError} `E_LIMIT` when the PAX header is larger than readers accept
   */
  entry(entry: TarEntry): void {
    if (this.#entry !== undefined || this.#finished) {
      throw new TypeError(
        "Cannot begin tar entry: the last entry is not ended, or the archive is ended already",
      );
    }
    this.#write(this.#headers.encode(entry));
    this.#entry = entry;
    this.#left = entry.size;
  }

  /**
   * Writes content of the current entry.
   *
   * @throws {VarveError} `E_SIZE` when the content exceeds the entry's size
   */
  data(chunk: Uint8Array): void {
    this.#take(chunk.length);
    this.#write(chunk);
  }

  /**
   * Writes `length` zeros as content of the current entry.
   *
   * @throws {VarveError} `E_SIZE` when the content exceeds the entry's size
   */
  hole(length: number): void {
    this.#take(length);
    this.#zeros(length);
  }

  /**
   * Ends the current entry.
   *
   * @throws {VarveError} `E_SIZE` when its content is shorter than its size
   */
  endEntry(): void {
    const entry = this.#current();
    if (this.#left > 0) throw sizeError(entry, entry.size - this.#left);
    this.#zeros(tarPadding(entry.size));
    this.#entry = undefined;
  }

  /** Ends the archive with two blocks of zeros. */
  finish(): void {
    if (this.#entry !== undefined || this.#finished) {
      throw new TypeError(
        "Cannot end tar archive: an entry is not ended, or the archive is ended already",
      );
    }
    this.#zeros(2 * BLOCK);
    this.#finished = true;
  }

  #current(): TarEntry {
    if (this.#entry === undefined) throw new TypeError("Cannot write content: no entry was begun");
    return this.#entry;
  }

  #take(length: number): void {
    const entry = this.#current();
    if (length > this.#left) throw sizeError(entry, entry.size - this.#left + length);
    this.#left -= length;
  }

  #zeros(length: number): void {
    for (const piece of zeros(length)) this.#write(piece);
  }

  #write(bytes: Uint8Array): void {
    this.#position += bytes.length;
    if (bytes.length > 0) this.#sink(bytes);
  }
}

/**
 * The error for content whose size differs from the stated size, which happens when a file changes
 * while it is read.
 */
function sizeError(entry: TarEntry, actual: number): VarveError {
  const path = escapeForTerminal(entry.path);
  return new VarveError(
    "E_SIZE",
    `Cannot write tar entry ${path}: its content is ${actual} bytes, not ${entry.size}`,
    { expected: entry.size, actual, subject: path },
  );
}
