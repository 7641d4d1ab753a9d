import { attempt, check, checkOnce, systemError } from "../libc/errno.ts";
import { type Fd, readFd, writeFd } from "./fd.ts";
import { libc, MAX_TRANSFER } from "../libc/libc.ts";

// Two loff_t, as words: BigInt64Array would be much slower.
const offsets = new Uint32Array(4);
const fromOffset = new Uint8Array(offsets.buffer, 0, 8);
const toOffset = new Uint8Array(offsets.buffer, 8, 8);

const WORD = 0x1_0000_0000;

/** The kernel cannot copy between these two: ENOSYS, EXDEV, EINVAL, ENOTSUP, EBADF (append), EPERM (seccomp). */
const NO_COPY: readonly number[] = [1, 9, 18, 22, 38, 95];

const PIECE = 1024 * 1024;

let bounce: Uint8Array<ArrayBuffer> | undefined;

/** The source that the kernel last refused to copy from: a layer of 30,000 files asks once. */
let refused: Fd | undefined;

/**
 * Copies `length` bytes between files at offsets in bytes; the kernel does it
 * (and shares blocks where the file system can), or a buffer where it cannot.
 *
 * @returns bytes copied; fewer than `length` only where the source ends
 */
export function copyRange(
  from: Fd,
  fromPosition: number,
  to: Fd,
  toPosition: number,
  length: number,
): number {
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
    if (!NO_COPY.includes(-count)) throw systemError("copy_file_range", "", -count);
    refused = from;
    return done + copyByBuffer(from, at, to, into, length - done);
  }
  return done;
}

function copyByBuffer(from: Fd, at: number, to: Fd, into: number, length: number): number {
  bounce ??= new Uint8Array(PIECE);
  let done = 0;
  while (done < length) {
    const count = readFd(from, bounce.subarray(0, Math.min(PIECE, length - done)), at + done);
    if (count === 0) return done;
    writeFd(to, bounce.subarray(0, count), into + done);
    done += count;
  }
  return done;
}

/** Sets a file's size in bytes; what is added is a hole. */
export function truncateFd(fd: Fd, size: number): void {
  check(() => libc().ftruncate(fd, size), "ftruncate", "");
}

/** Reserves space (fallocate(2)); returns whether the file system can. @throws {VarveError} `E_SYSCALL` (ENOSPC) */
export function reserveFd(fd: Fd, offset: number, length: number): boolean {
  const number = -attempt(() => libc().fallocate(fd, 0, offset, length));
  if (number === 0) return true;
  if (number === 95 || number === 38) return false;
  throw systemError("fallocate", "", number);
}

/** Writes a file's data and attributes to the disk. */
export function fsyncFd(fd: Fd): void {
  checkOnce(() => libc().fsync(fd), "fsync", "");
}

/** Writes everything of a file system to the disk: one call instead of one for each file. */
export function syncFileSystem(fd: Fd): void {
  checkOnce(() => libc().syncfs(fd), "syncfs", "");
}

/**
 * Starts to write out a range without waiting, so that a later sync is short.
 * It promises nothing, and where the file system cannot, nothing happens.
 */
export function startWriteOut(fd: Fd, offset: number, length: number): void {
  const SYNC_FILE_RANGE_WRITE = 2;
  libc().sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
