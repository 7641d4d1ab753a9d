import { type ByteString, EPOCH, type Timestamp } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { check } from "../libc/errno.ts";
import type { Fd } from "./fd.ts";
import { At } from "../libc/numbers.ts";
import { libc } from "../libc/libc.ts";

/** Sets the mode of an open file. After `chown`, which clears set-id bits. */
export function chmodFd(fd: Fd, mode: number): void {
  check(() => libc().fchmod(fd, mode), "fchmod", "");
}

/**
 * Sets the mode of a name without following a link and without opening it (a
 * FIFO would block, a device might act). libc does this by `fchmodat2` or by an
 * `O_PATH` descriptor. A symbolic link has no mode of its own: ENOTSUP.
 */
export function chmodAt(directory: Fd, name: ByteString, mode: number): void {
  check(
    () => libc().fchmodat(directory, cString(name), mode, At.SYMLINK_NO_FOLLOW),
    "fchmodat",
    name,
  );
}

/** Sets the owner of an open file. */
export function chownFd(fd: Fd, uid: number, gid: number): void {
  check(() => libc().fchown(fd, uid, gid), "fchown", "");
}

/** Sets the owner of a name, of a symbolic link itself. */
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
 * Sets modification and access time of an open file. The kernel silently clamps
 * what the file system cannot hold: read it back to know.
 */
export function utimensFd(fd: Fd, mtime: Timestamp, atime: Timestamp = mtime): void {
  check(() => libc().futimens(fd, times(mtime, atime)), "futimens", "");
}

/** Sets modification and access time of a name, of a symbolic link itself. */
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
