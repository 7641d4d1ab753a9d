import { isZero, joinBytes } from "../bytes/mod.ts";
import { fileError } from "../linux/mod.ts";
import { WriteOut } from "./write_out.ts";

/** Where result bytes go: a file, or memory. Writes are synchronous, so that nobody has to hold what is on its way. */
export interface ByteSink extends Disposable {
  /** Takes bytes; keeps no reference to them. */
  write(bytes: Uint8Array): void;
  /** Says that all is written. */
  end(): void;
}

/** A run of zeros as long as this becomes a hole: sparse files lie in layers with all their zeros. */
const HOLE_BYTES = 64 * 1024;

/** Small writes are gathered into ones of this size. */
const BUFFER_BYTES = 256 * 1024;

/** A file that only its owner reads: a new one, or one that an earlier sink left unfinished. */
export class FileSink implements ByteSink {
  readonly #action: string;
  readonly #file: Deno.FsFile;
  readonly #writeOut: WriteOut | null;
  #buffer: Uint8Array | null = null;
  #used = 0;
  #length: number;
  /** Bytes to come that are in the file already. */
  #passed: number;
  #endsInHole = false;
  #closed = false;

  /**
   * Creates the file; `what` names it in errors, `willSync` says that it is synced soon. Where `kept`
   * is given the file may be there with that many bytes, and as many of those that come are passed over.
   *
   * @throws {VarveError} `E_SYSCALL`, with `EEXIST` when a new file exists
   */
  constructor(path: string, what: string, willSync = false, kept?: number) {
    this.#action = `write ${what}`;
    this.#passed = this.#length = kept ?? 0;
    try {
      const how = kept === undefined ? { createNew: true } : { create: true };
      this.#file = Deno.openSync(path, { write: true, mode: 0o600, ...how });
      if (this.#length > 0) this.#file.seekSync(this.#length, Deno.SeekMode.Start);
    } catch (error) {
      throw fileError(error, this.#action, "open");
    }
    this.#writeOut = willSync ? new WriteOut(path, this.#length) : null;
  }

  /** @throws {VarveError} `E_SYSCALL` */
  write(bytes: Uint8Array): void {
    if (this.#passed > 0) {
      const passed = Math.min(this.#passed, bytes.length);
      this.#passed -= passed;
      if (passed === bytes.length) return;
      bytes = bytes.subarray(passed);
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
    this.#writeOut?.[Symbol.dispose]();
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
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    });
    this.#writeOut?.add(bytes.length);
  }

  #try(act: () => unknown): void {
    try {
      act();
    } catch (error) {
      throw fileError(error, this.#action, "write");
    }
  }
}

/** Memory. */
export class MemorySink implements ByteSink {
  readonly #pieces: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    // new Uint8Array copies whatever it is a view of.
    this.#pieces.push(new Uint8Array(bytes));
  }

  end(): void {}

  [Symbol.dispose](): void {}

  /** All that was written, in one piece. */
  bytes(): Uint8Array<ArrayBuffer> {
    return joinBytes(this.#pieces);
  }
}
