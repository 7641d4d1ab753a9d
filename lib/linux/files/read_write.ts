import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { attempt, check } from "../libc/call.ts";
import { Errno, systemError } from "../libc/errno.ts";
import { libc, MAX_TRANSFER } from "../libc/libc.ts";
import { Open } from "../libc/numbers.ts";
import { type Fd, openAt, ownFd } from "./fd.ts";

/**
 * Reads at most `target.length` bytes.
 *
 * @param offset where to read, in bytes; by default at the position of the descriptor, which moves
 * @returns number of bytes read; 0 at the end of the file
 */
export function readFd(fd: Fd, target: Uint8Array, offset?: number): number {
  const c = libc();
  const length = Math.min(target.length, MAX_TRANSFER);
  const view = target as Uint8Array<ArrayBuffer>;
  return check(
    () => offset === undefined ? c.read(fd, view, length) : c.pread(fd, view, length, offset),
    offset === undefined ? "read" : "pread",
    "",
  );
}

/** Reads from `offset` until `target` is full or the file ends. Returns the number of bytes read. */
export function readFully(fd: Fd, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readFd(fd, target.subarray(done), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/**
 * Writes all bytes.
 *
 * @param offset where to write, in bytes; by default at the position of the descriptor, which moves
 */
export function writeFd(fd: Fd, source: Uint8Array, offset?: number): void {
  const c = libc();
  for (let done = 0; done < source.length;) {
    const rest = source.subarray(done) as Uint8Array<ArrayBuffer>;
    const length = Math.min(rest.length, MAX_TRANSFER);
    done += check(
      () =>
        offset === undefined
          ? c.write(fd, rest, length)
          : c.pwrite(fd, rest, length, offset + done),
      offset === undefined ? "write" : "pwrite",
      "",
    );
  }
}

/**
 * Where the offset of {@linkcode seekFd} counts from, or what to look for at or after the offset.
 */
export type Whence = "start" | "current" | "end" | "data" | "hole";

const WHENCE: Readonly<Record<Whence, number>> = { start: 0, current: 1, end: 2, data: 3, hole: 4 };

/**
 * Moves the position of a descriptor (lseek(2)). With `"data"` or `"hole"` it moves to the next data or
 * hole at or after `offset`.
 *
 * @returns the new position in bytes; −1 when there is no more data (ENXIO)
 */
export function seekFd(fd: Fd, offset: number, whence: Whence): number {
  const result = attempt(() => Number(libc().lseek(fd, offset, WHENCE[whence])));
  if (result >= 0) return result;
  const number = -result;
  if (number === Errno.ENXIO && (whence === "data" || whence === "hole")) return -1;
  throw systemError("lseek", "", number);
}

/** Default limit of {@linkcode readFileAt} in bytes. */
const MAX_FILE = 16 * 1024 * 1024;

/**
 * Reads a small file to its end, such as a file in /proc.
 *
 * @param limit maximum size in bytes
 * @throws {VarveError} `E_SYSCALL`: EFBIG when the file is larger
 */
export function readFileAt(directory: Fd, name: ByteString, limit: number = MAX_FILE): ByteString {
  using file = ownFd(openAt(directory, name, Open.READ | Open.NO_FOLLOW | Open.NONBLOCK));
  let out = "";
  const piece = new Uint8Array(64 * 1024);
  for (;;) {
    const count = readFd(file.fd, piece);
    if (count === 0) return out as ByteString;
    out += fromBytes(piece, 0, count);
    if (out.length > limit) throw systemError("read", name, Errno.EFBIG);
  }
}
