import { attempt, check, checkOnce } from "../libc/call.ts";
import { Errno, systemError } from "../libc/errno.ts";
import { libc, MAX_TRANSFER } from "../libc/libc.ts";
import type { Fd } from "./fd.ts";
import { readFd, writeFd } from "./read_write.ts";

// Two loff_t as 32-bit words: a BigInt64Array would be much slower.
const offsets = new Uint32Array(4);
const fromOffset = new Uint8Array(offsets.buffer, 0, 8);
const toOffset = new Uint8Array(offsets.buffer, 8, 8);

const WORD = 0x1_0000_0000;

/** Errors that mean that the kernel cannot copy between two files. */
const CANNOT_COPY: readonly number[] = [
  Errno.ENOSYS,
  Errno.EXDEV,
  Errno.EINVAL,
  Errno.ENOTSUP,
  // The target was opened to append.
  Errno.EBADF,
  // A seccomp filter forbids the call.
  Errno.EPERM,
];

/** Bytes of the buffer for copies that the kernel cannot make. */
const BUFFER_BYTES = 1024 * 1024;

let buffer: Uint8Array<ArrayBuffer> | undefined;

/**
 * The source of the last copy that the kernel refused. Later copies from the same source do not ask
 * the kernel again. Otherwise unpacking a layer of 30,000 files would make 30,000 failing calls.
 */
let refused: Fd | undefined;

/**
 * Copies `length` bytes between two files. Positions and length are in bytes.
 *
 * The kernel makes the copy (copy_file_range(2)), and shares blocks if the file system can. If it
 * cannot copy, the bytes go through a buffer.
 *
 * @returns number of bytes copied; fewer than `length` only when the source ends
 */
export function copyRange(
  from: Fd,
  fromPosition: number,
  to: Fd,
  toPosition: number,
  length: number,
  checkpoint?: () => void,
): number {
  if (checkpoint !== undefined && length > PIECE) {
    return copyInPieces(from, fromPosition, to, toPosition, length, checkpoint);
  }
  if (from === refused) return copyByBuffer(from, fromPosition, to, toPosition, length);
  const c = libc();
  let done = 0;
  while (done < length) {
    const at = fromPosition + done, into = toPosition + done;
    offsets[0] = at >>> 0;
    offsets[1] = Math.floor(at / WORD);
    offsets[2] = into >>> 0;
    offsets[3] = Math.floor(into / WORD);
    const room = Math.min(length - done, MAX_TRANSFER);
    const count = attempt(() => c.copy_file_range(from, fromOffset, to, toOffset, room, 0));
    if (count === 0) return done;
    if (count > 0) {
      done += count;
      continue;
    }
    if (!CANNOT_COPY.includes(-count)) throw systemError("copy_file_range", "", -count);
    refused = from;
    return done + copyByBuffer(from, at, to, into, length - done);
  }
  return done;
}

/** Number of bytes that are copied between two calls of a checkpoint: some milliseconds of work. */
const PIECE = 8 * 1024 * 1024;

function copyInPieces(
  from: Fd,
  fromPosition: number,
  to: Fd,
  toPosition: number,
  length: number,
  checkpoint: () => void,
): number {
  let done = 0;
  while (done < length) {
    checkpoint();
    const room = Math.min(PIECE, length - done);
    const count = copyRange(from, fromPosition + done, to, toPosition + done, room);
    done += count;
    if (count < room) break;
  }
  return done;
}

function copyByBuffer(from: Fd, at: number, to: Fd, into: number, length: number): number {
  buffer ??= new Uint8Array(BUFFER_BYTES);
  let done = 0;
  while (done < length) {
    const count = readFd(
      from,
      buffer.subarray(0, Math.min(BUFFER_BYTES, length - done)),
      at + done,
    );
    if (count === 0) return done;
    writeFd(to, buffer.subarray(0, count), into + done);
    done += count;
  }
  return done;
}

/** Sets the size of a file in bytes (ftruncate(2)). A file that grows gets a hole. */
export function truncateFd(fd: Fd, size: number): void {
  check(() => libc().ftruncate(fd, size), "ftruncate", "");
}

/**
 * Reserves space for a range of a file, in bytes (fallocate(2)).
 *
 * @returns false when the file system cannot reserve space
 * @throws {VarveError} `E_SYSCALL`, such as ENOSPC
 */
export function reserveFd(fd: Fd, offset: number, length: number): boolean {
  const number = -attempt(() => libc().fallocate(fd, 0, offset, length));
  if (number === 0) return true;
  if (number === Errno.ENOTSUP || number === Errno.ENOSYS) return false;
  throw systemError("fallocate", "", number);
}

/** Waits until data and attributes of a file are on the disk (fsync(2)). */
export function fsyncFd(fd: Fd): void {
  checkOnce(() => libc().fsync(fd), "fsync", "");
}

/**
 * Waits until a whole file system is on the disk (syncfs(2)). One call replaces an fsync of each
 * file.
 */
export function syncFileSystem(fd: Fd): void {
  checkOnce(() => libc().syncfs(fd), "syncfs", "");
}

/**
 * Starts to write a range of a file to the disk, so that a later sync is short (sync_file_range(2)).
 * Does not wait. It guarantees nothing, and errors are ignored.
 */
export function startWriteOut(fd: Fd, offset: number, length: number): void {
  const SYNC_FILE_RANGE_WRITE = 2;
  libc().sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
