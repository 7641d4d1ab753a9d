import { fromText } from "../bytes/mod.ts";
import {
  CWD,
  isPermitted,
  isSupported,
  Open,
  openAt,
  type OwnedFd,
  ownFd,
  startWriteOut,
} from "../linux/mod.ts";

/**
 * Bytes between two requests to the kernel: enough for a disk to write efficiently, and few
 * compared with a layer.
 */
const STEP_BYTES = 8 * 1024 * 1024;

/**
 * Asks the kernel to write a file back to the disk while the file still grows, so that the sync
 * before the commit has little to do. It only saves time. Where it does not work, it silently does
 * nothing.
 */
export class EarlyWriteback implements Disposable {
  readonly #file: OwnedFd | null;
  #written: number;
  #requested: number;

  /** Opens an existing file. Its first `from` bytes are not written back early. */
  constructor(path: string, from = 0) {
    this.#file = tryOpen(path);
    this.#written = this.#requested = from;
  }

  /** Notes that `bytes` more bytes were written at the end of the file. */
  add(bytes: number): void {
    this.#written += bytes;
    if (this.#file === null || this.#written - this.#requested < STEP_BYTES) return;
    startWriteOut(this.#file.fd, this.#requested, this.#written - this.#requested);
    this.#requested = this.#written;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

function tryOpen(path: string): OwnedFd | null {
  // Without the first condition, Deno would ask for the permission at a terminal.
  if (!isPermitted() || !isSupported()) return null;
  try {
    // Opens a second descriptor, because Deno does not tell the number of the first. Writeback
    // works on a range of the file, whichever descriptor wrote the bytes.
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.NO_FOLLOW));
  } catch {
    return null;
  }
}
