import { isZero } from "../bytes/mod.ts";
import { fileError } from "../linux/mod.ts";
import { EarlyWriteback } from "./early_writeback.ts";

/**
 * Receives the bytes of a result, in a file or in memory. Writes are synchronous, so no bytes are
 * held for another thread or a later turn of the event loop.
 */
export interface ByteSink extends Disposable {
  /** Writes bytes; keeps no reference to them. */
  write(bytes: Uint8Array): void;
  /** Ends the output, after the last write. */
  end(): void;
}

/**
 * A write of at least this many bytes, all zero, becomes a hole in the file. A layer's tar stores
 * the zeros of a sparse file in full.
 */
const HOLE_BYTES = 64 * 1024;

/** Size in bytes of the buffer that gathers small writes. */
const BUFFER_BYTES = 256 * 1024;

/**
 * Most bytes of one write(2). On Linux 6.18 and ext4, with fragmented memory, 214 MB took 206 ms of CPU in aligned writes
 * of 256 KiB, and 54 ms in writes of 128 KiB. Probably the kernel looks for 256 KiB of memory in one piece.
 */
const WRITE_BYTES = 128 * 1024;

/**
 * A sink that writes a file of mode 0600: a new file, or a file that an earlier sink left
 * unfinished.
 */
export class FileSink implements ByteSink {
  readonly #action: string;
  readonly #file: Deno.FsFile;
  readonly #writeback: EarlyWriteback | null;
  #buffer: Uint8Array | null = null;
  #used = 0;
  #length: number;
  /**
   * Number of bytes that the next writes still have to skip, because the file already holds them.
   */
  #toSkip: number;
  #endsInHole = false;
  #closed = false;

  /**
   * Creates the file.
   *
   * @param what names the file in errors
   * @param willSync whether the caller syncs the file soon; the kernel is then asked to write it
   * back early
   * @param kept number of bytes that the file already holds; the first `kept` bytes passed to
   * `write` are skipped. When absent, the file must not exist
   * @throws {VarveError} `E_SYSCALL`, with `EEXIST` when the file exists and `kept` is absent
   */
  constructor(path: string, what: string, willSync = false, kept?: number) {
    this.#action = `write ${what}`;
    this.#toSkip = this.#length = kept ?? 0;
    try {
      const how = kept === undefined ? { createNew: true } : { create: true };
      this.#file = Deno.openSync(path, { write: true, mode: 0o600, ...how });
      if (this.#length > 0) this.#file.seekSync(this.#length, Deno.SeekMode.Start);
    } catch (error) {
      throw fileError(error, this.#action, "open");
    }
    this.#writeback = willSync ? new EarlyWriteback(path, this.#length) : null;
  }

  /** @throws {VarveError} `E_SYSCALL` */
  write(bytes: Uint8Array): void {
    if (this.#toSkip > 0) {
      const skipped = Math.min(this.#toSkip, bytes.length);
      this.#toSkip -= skipped;
      if (skipped === bytes.length) return;
      bytes = bytes.subarray(skipped);
    }
    if (this.#used + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length >= BUFFER_BYTES / 2 && this.#used === 0) return this.#writeAll(bytes);
    this.#buffer ??= new Uint8Array(BUFFER_BYTES);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** @throws {VarveError} `E_SYSCALL` */
  end(): void {
    this.#flush();
    if (this.#endsInHole) this.#try(() => this.#file.truncateSync(this.#length));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writeback?.[Symbol.dispose]();
    this.#file.close();
  }

  #flush(): void {
    if (this.#buffer === null || this.#used === 0) return;
    this.#writeAll(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    this.#length += bytes.length;
    this.#endsInHole = bytes.length >= HOLE_BYTES && isZero(bytes);
    this.#try(() => {
      if (this.#endsInHole) return this.#file.seekSync(this.#length, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        at += this.#file.writeSync(bytes.subarray(at, at + WRITE_BYTES));
      }
    });
    this.#writeback?.add(bytes.length);
  }

  #try(act: () => unknown): void {
    try {
      act();
    } catch (error) {
      throw fileError(error, this.#action, "write");
    }
  }
}

/**
 * Sizes in bytes of the first piece in memory and of the largest pieces. Each piece is twice as large
 * as the piece before it, until the largest size is reached.
 */
const FIRST_PIECE = 64 * 1024;
const LARGEST_PIECE = 4 * 1024 * 1024;

/** Gathers the bytes in memory, in a few large pieces that can be transferred to another thread. */
export class MemorySink implements ByteSink {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #piece: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Number of bytes in the last piece. */
  #used = 0;

  write(bytes: Uint8Array): void {
    // Copies the bytes, which are valid only during the call. They may lie in shared memory.
    for (let at = 0; at < bytes.length;) {
      if (this.#used === this.#piece.length) this.#grow();
      const length = Math.min(bytes.length - at, this.#piece.length - this.#used);
      this.#piece.set(bytes.subarray(at, at + length), this.#used);
      this.#used += length;
      at += length;
    }
  }

  end(): void {}

  [Symbol.dispose](): void {}

  /** The bytes that were written. The sink takes no more bytes afterwards. */
  pieces(): readonly Uint8Array<ArrayBuffer>[] {
    if (this.#used < this.#piece.length) {
      this.#pieces.splice(-1, 1, this.#piece.slice(0, this.#used));
      this.#piece = new Uint8Array(0);
      this.#used = 0;
    }
    return this.#pieces;
  }

  #grow(): void {
    const size = Math.min(LARGEST_PIECE, Math.max(FIRST_PIECE, 2 * this.#piece.length));
    this.#pieces.push(this.#piece = new Uint8Array(size));
    this.#used = 0;
  }
}
