import { escapeForTerminal, zeros } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { encodeTarHeader, type TarEntry } from "./encode_header.ts";
import { BLOCK, tarPadding } from "./format.ts";
import type { TarHandler } from "./tar_handler.ts";

/**
 * Writes a tar archive: deterministic, PAX only where ustar cannot say it.
 *
 * It is a {@linkcode TarHandler}, so that a reader's events can be written as
 * they come: `new TarReader(new TarWriter(sink))`. Sparse files become ordinary
 * ones, holes written as zeros: no layer in the wild has sparse entries, and
 * tools that take layers apart and put them together again break on them.
 *
 * @example
 * ```ts
 * import { TarWriter } from "@varve/varve/tar";
 * import { EPOCH, fromText } from "../../bytes/mod.ts";
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
 *   mtime: EPOCH,
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
  #position = 0;
  #entry: TarEntry | undefined;
  #left = 0;
  #finished = false;

  /** Makes a writer. `sink` takes the bytes in order; they are its own only during the call. */
  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  /** Bytes written so far; between entry and data that is where the content begins. */
  get position(): number {
    return this.#position;
  }

  /**
   * Begins an entry; its content must follow.
   *
   * @throws {RangeError} when a value is none that a tar archive can hold
   * @throws {VarveError} `E_LIMIT` when its PAX header is larger than readers accept
   */
  entry(entry: TarEntry): void {
    if (this.#entry !== undefined || this.#finished) {
      throw new TypeError("Cannot begin tar entry: the one before is not ended, or the archive is");
    }
    this.#write(encodeTarHeader(entry));
    this.#entry = entry;
    this.#left = entry.size;
  }

  /** Writes content. @throws {VarveError} `E_SIZE` when it is more than the entry's size */
  data(chunk: Uint8Array): void {
    this.#take(chunk.length);
    this.#write(chunk);
  }

  /** Writes zeros. @throws {VarveError} `E_SIZE` when they are more than the entry's size */
  hole(length: number): void {
    this.#take(length);
    this.#zeros(length);
  }

  /** Ends an entry. @throws {VarveError} `E_SIZE` when its content is less than its size */
  endEntry(): void {
    const entry = this.#current();
    if (this.#left > 0) throw sizeError(entry, entry.size - this.#left);
    this.#zeros(tarPadding(entry.size));
    this.#entry = undefined;
  }

  /** Writes the end mark: two blocks of zeros, no more. */
  finish(): void {
    if (this.#entry !== undefined || this.#finished) {
      throw new TypeError("Cannot end tar archive: an entry is not ended, or the archive is");
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

/** A file that grew or shrank while it was written must not become a broken archive. */
function sizeError(entry: TarEntry, actual: number): VarveError {
  const path = escapeForTerminal(entry.path);
  return new VarveError(
    "E_SIZE",
    `Cannot write tar entry ${path}: its content is ${actual} bytes, not ${entry.size}`,
    { expected: entry.size, actual, subject: path },
  );
}
