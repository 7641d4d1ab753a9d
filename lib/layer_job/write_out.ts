import { fromText } from "../bytes/mod.ts";
import {
  CWD,
  isSupported,
  Open,
  openAt,
  type OwnedFd,
  ownFd,
  startWriteOut,
} from "../linux/mod.ts";

/** Bytes after which the kernel is told to begin: large enough for a disk, small beside a layer. */
const STEP_BYTES = 8 * 1024 * 1024;

/**
 * Has the kernel write a file out while it is still being written, so that the one
 * sync before the commit finds little left. A help, never needed: where it cannot be had nothing is said.
 */
export class WriteOut implements Disposable {
  readonly #file: OwnedFd | null;
  #written: number;
  #begun: number;

  /** For a file that exists, whose first `from` bytes stay as they are. */
  constructor(path: string, from = 0) {
    this.#file = openQuietly(path);
    this.#written = this.#begun = from;
  }

  /** Says that so many bytes more were written. */
  add(bytes: number): void {
    this.#written += bytes;
    if (this.#file === null || this.#written - this.#begun < STEP_BYTES) return;
    startWriteOut(this.#file.fd, this.#begun, this.#written - this.#begun);
    this.#begun = this.#written;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

function openQuietly(path: string): OwnedFd | null {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted" || !isSupported()) {
    return null;
  }
  try {
    // A descriptor of its own, because Deno tells no number; the range is the file's, whoever wrote it.
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.NO_FOLLOW));
  } catch {
    return null;
  }
}
