import { fromText } from "../../bytes/mod.ts";
import { attempt } from "../libc/call.ts";
import { Errno } from "../libc/errno.ts";
import { isSupported, libc } from "../libc/libc.ts";
import { Open } from "../libc/numbers.ts";
import { CWD, openAt, ownFd } from "./fd.ts";

/** The numbers of fcntl(2) for a lock that is tried once, and for one that others may hold, too. */
const F_SETLK = 6, F_RDLCK = 0;
/** Size of `struct flock`: two 16-bit numbers, padding, start, length, pid, padding. */
const FLOCK_BYTES = 32;
/** Offset in `struct flock` of the start of the range. */
const START = 8;
/** A range that nobody else locks: one byte, far beyond the end of any file. */
const FAR = 2n ** 62n;

/**
 * Whether the file system of a file has no locks by fcntl(2), such as NFS without its lock daemon. SQLite uses such
 * locks, and takes their absence for a lock of another process.
 *
 * This process must have no such lock on the file: the kernel drops them when this function closes the file.
 *
 * @returns false as well where it cannot be tried
 */
export function lacksRecordLocks(path: string): boolean {
  if (!isSupported()) return false;
  try {
    using file = ownFd(openAt(CWD, fromText(path), Open.READ));
    const lock = new DataView(new ArrayBuffer(FLOCK_BYTES));
    lock.setInt16(0, F_RDLCK, true);
    lock.setBigInt64(START, FAR, true);
    lock.setBigInt64(START + 8, 1n, true);
    const number = -attempt(() => libc().fcntl_lock(file.fd, F_SETLK, new Uint8Array(lock.buffer)));
    return number === Errno.ENOLCK || number === Errno.ENOSYS || number === Errno.ENOTSUP;
  } catch {
    return false;
  }
}
