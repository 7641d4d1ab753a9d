import { VarveError } from "../../errors.ts";
import { fileError, guardedSync } from "../../linux/mod.ts";

/** Maximum bytes of one chunk of a file's stream. */
const PIECE = 256 * 1024;
/** Bytes of one window: the part of a tree file that is read at once and kept in memory. */
const WINDOW = 256 * 1024;

/** Streams a file from its current position, at most `limit` bytes. Closes the file at the end, on an error and on cancel. */
export function fileStream(
  file: Deno.FsFile,
  limit: number = Number.MAX_SAFE_INTEGER,
): ReadableStream<Uint8Array> {
  let left = limit;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const buffer = new Uint8Array(Math.min(PIECE, left));
      try {
        const length = left === 0 ? null : await file.read(buffer);
        if (length !== null) {
          left -= length;
          return controller.enqueue(buffer.subarray(0, length));
        }
      } catch (error) {
        file.close();
        throw fileError(error, "read a file of the store");
      }
      file.close();
      controller.close();
    },
    cancel(): void {
      file.close();
    },
  }, { highWaterMark: 0 });
}

/**
 * Reads exactly `length` bytes from a position.
 *
 * @throws {VarveError} `E_TRUNCATED` when the file ends earlier
 */
export function readAt(file: Deno.FsFile, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  file.seekSync(position, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) {
      throw new VarveError("E_TRUNCATED", `Cannot read up to byte ${position + length} of a file`, {
        expected: length,
        actual: done,
      });
    }
    done += count;
  }
  return bytes;
}

/**
 * Reads parts of a file in windows, which it keeps in memory. The file is open only while a window
 * is read. A tree reads lazily and is never closed, so there would be no moment to close the file.
 */
export class WindowReader {
  readonly size: number;
  readonly #path: string;
  readonly #windows = new Map<number, Uint8Array>();

  /** Reads the file at a path, whose size in bytes is known. */
  constructor(path: string, size: number) {
    this.#path = path;
    this.size = size;
  }

  /**
   * Reads `length` bytes from `offset`; returns a view if one window holds all of them.
   *
   * @throws {VarveError} `E_TRUNCATED` · `E_SYSCALL`, `E_DENIED`
   */
  readSync(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new VarveError("E_TRUNCATED", `Cannot read ${length} bytes at ${offset}`, {
        actual: this.size,
      });
    }
    const first = Math.floor(offset / WINDOW);
    const within = offset - first * WINDOW;
    if (within + length <= WINDOW) return this.#window(first).subarray(within, within + length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = offset + done;
      const index = Math.floor(at / WINDOW);
      const start = at - index * WINDOW;
      const part = this.#window(index).subarray(start, start + length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  #window(index: number): Uint8Array {
    let window = this.#windows.get(index);
    if (window === undefined) {
      const start = index * WINDOW;
      window = guardedSync("read a file of the store", () => {
        using file = Deno.openSync(this.#path, { read: true });
        return readAt(file, start, Math.min(WINDOW, this.size - start));
      });
      this.#windows.set(index, window);
    }
    return window;
  }
}
