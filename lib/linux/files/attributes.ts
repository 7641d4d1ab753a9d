import { type ByteString, EPOCH, type Timestamp } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { check } from "../libc/call.ts";
import { libc } from "../libc/libc.ts";
import { At } from "../libc/numbers.ts";
import type { Fd } from "./fd.ts";

/** Sets the mode of an open file (fchmod(2)). Call it after `chownFd`, which clears set-id bits. */
export function chmodFd(fd: Fd, mode: number): void {
  check(() => libc().fchmod(fd, mode), "fchmod", "");
}

/**
 * Sets the mode of a name. It follows no link and opens nothing: opening a FIFO would block, and opening
 * a device can have effects. libc uses `fchmodat2` or an `O_PATH` descriptor for this.
 *
 * @throws {VarveError} `E_SYSCALL`: ENOTSUP for a symbolic link, because Linux does not let its
 * mode change
 */
export function chmodAt(directory: Fd, name: ByteString, mode: number): void {
  check(
    () => libc().fchmodat(directory, cString(name), mode, At.SYMLINK_NO_FOLLOW),
    "fchmodat",
    name,
  );
}

/** Sets the owner of an open file (fchown(2)). */
export function chownFd(fd: Fd, uid: number, gid: number): void {
  check(() => libc().fchown(fd, uid, gid), "fchown", "");
}

/** Sets the owner of a name (fchownat(2)). A symbolic link is not followed. */
export function chownAt(directory: Fd, name: ByteString, uid: number, gid: number): void {
  check(
    () => libc().fchownat(directory, cString(name), uid, gid, At.SYMLINK_NO_FOLLOW),
    "fchownat",
    name,
  );
}

// struct timespec[2]: access time, modification time, each {s64 seconds, s64 nanoseconds}.
const words = new Int32Array(8);
const timespec = new Uint8Array(words.buffer);

/** The argument of futimens and utimensat, in a buffer that is reused. */
function times(mtime: Timestamp, atime: Timestamp): Uint8Array<ArrayBuffer> {
  words[0] = atime.lo;
  words[1] = atime.hi;
  words[2] = atime.ns;
  words[4] = mtime.lo;
  words[5] = mtime.hi;
  words[6] = mtime.ns;
  return timespec;
}

/**
 * Sets the modification and the access time of an open file (futimens(3)). The kernel silently
 * clamps a time that the file system cannot hold. To know the result, read the time back.
 */
export function utimensFd(fd: Fd, mtime: Timestamp, atime: Timestamp = mtime): void {
  check(() => libc().futimens(fd, times(mtime, atime)), "futimens", "");
}

/**
 * Sets the modification and the access time of a name
 * (utimensat(2)). A symbolic link is not followed.
 */
export function utimensAt(
  directory: Fd,
  name: ByteString,
  mtime: Timestamp = EPOCH,
  atime: Timestamp = mtime,
): void {
  check(
    () => libc().utimensat(directory, cString(name), times(mtime, atime), At.SYMLINK_NO_FOLLOW),
    "utimensat",
    name,
  );
}
