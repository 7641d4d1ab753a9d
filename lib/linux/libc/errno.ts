import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { libc } from "./libc.ts";

/** Names of the kernel's errors by number (asm-generic/errno*.h: the same on x86-64 and aarch64). */
const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  15: "ENOTBLK",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  25: "ENOTTY",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  29: "ESPIPE",
  30: "EROFS",
  31: "EMLINK",
  34: "ERANGE",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  61: "ENODATA",
  75: "EOVERFLOW",
  95: "ENOTSUP",
  103: "ECONNABORTED",
  110: "ETIMEDOUT",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
};

/** What people call the errors; the others are shown by name alone. */
const TEXT: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  EIO: "input/output error",
  ENOMEM: "out of memory",
  EACCES: "permission denied",
  ENOTBLK: "not a block device",
  EBUSY: "in use",
  EEXIST: "it exists already",
  EXDEV: "it leads outside or onto another file system",
  ENODEV: "no such file system or device",
  ENOTDIR: "not a directory",
  EISDIR: "it is a directory",
  EINVAL: "invalid argument",
  ENFILE: "too many open files on this machine",
  EMFILE: "too many open files",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  ENAMETOOLONG: "name too long",
  ENOSYS: "the kernel does not have this call",
  ENOTEMPTY: "directory not empty",
  ELOOP: "a symbolic link is in the way",
  ENODATA: "no such attribute",
  ENOTSUP: "not supported here",
  ESTALE: "stale file handle",
  EUCLEAN: "the file system is damaged",
  EDQUOT: "disk quota exceeded",
};

/** Verbs of messages: "Cannot <verb> <subject>". */
const VERBS: Readonly<Record<string, string>> = {
  openat: "open",
  openat2: "open",
  mkdirat: "create directory",
  mknodat: "create node",
  symlinkat: "create symbolic link",
  linkat: "create hard link",
  unlinkat: "remove",
  renameat2: "rename",
  readlinkat: "read link",
  getdents64: "read directory",
  statx: "stat",
  fstatfs: "look at the file system of",
  fchmod: "set the mode of",
  fchmodat: "set the mode of",
  fchown: "set the owner of",
  fchownat: "set the owner of",
  futimens: "set the times of",
  utimensat: "set the times of",
  fsetxattr: "set extended attribute",
  lsetxattr: "set extended attribute",
  fgetxattr: "read extended attribute",
  lgetxattr: "read extended attribute",
  flistxattr: "list extended attributes of",
  llistxattr: "list extended attributes of",
  fremovexattr: "remove extended attribute",
  copy_file_range: "copy data into",
  fsync: "sync",
  syncfs: "sync the file system of",
  ftruncate: "set the size of",
  fallocate: "reserve space in",
  flock: "lock",
  umount2: "unmount",
};

/** The number of the last error of this thread: valid right after a synchronous call that failed. */
function lastErrno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}

const EINTR = 4, EAGAIN = 11;

/**
 * Numbers that the runtime's own calls on this thread (wake-ups, locks) can
 * leave in errno between our call and our look at it: seen about once in 50,000
 * failures, with several workers busy. None is an answer of what is called here,
 * but for `flock`'s EAGAIN, which is still there after all tries.
 */
const BORROWED: readonly number[] = [0, EAGAIN, 110];

/** How often a call is made again for such a number. */
const TRIES = 16;

/**
 * Makes a call; again as long as a signal interrupts it or its error cannot be
 * told. Only for calls that change nothing when they fail.
 *
 * @returns its result, or the negative number of its error
 */
export function attempt(call: () => number): number {
  for (let tries = 0;;) {
    const result = call();
    if (result >= 0) return result;
    const number = lastErrno();
    if (number === EINTR) continue;
    if (!BORROWED.includes(number) || ++tries > TRIES) return -(number || EAGAIN);
  }
}

/**
 * Makes a call once. A sync that failed must never be repeated: the kernel
 * reports lost data a single time and the second call succeeds. Nor can steps
 * of a mount.
 *
 * @returns its result, or the negative number of its error
 */
export function attemptOnce(call: () => number): number {
  const result = call();
  return result >= 0 ? result : -(lastErrno() || EAGAIN);
}

/** The name of an error number, such as `"ENOSPC"`; `"E123"` where it has none here. */
export function errnoName(number: number): string {
  return NAMES[number] ?? `E${number}`;
}

/** The error of a failed call, as a {@linkcode VarveError} `E_SYSCALL` that names the kernel's error. */
export function systemError(
  syscall: string,
  subject: ByteString | "",
  number: number,
): VarveError {
  const errno = errnoName(number);
  const text = TEXT[errno];
  const state = text === undefined ? errno : `${text} (${errno})`;
  const shown = subject === "" ? "" : escapeForTerminal(subject as ByteString);
  return new VarveError(
    "E_SYSCALL",
    `Cannot ${VERBS[syscall] ?? syscall}${shown === "" ? "" : " " + shown}: ${state}`,
    { errno, syscall, ...(shown === "" ? {} : { subject: shown }) },
  );
}

/** Whether an error is a failed system call with one of these errors: `isErrno(error, "ENOENT")`. */
export function isErrno(error: unknown, ...names: readonly string[]): error is VarveError {
  return error instanceof VarveError && error.code === "E_SYSCALL" &&
    error.details.errno !== undefined && names.includes(error.details.errno);
}

/** The result of a call by {@linkcode attempt}, or its error thrown. */
export function check(call: () => number, syscall: string, subject: ByteString | ""): number {
  const result = attempt(call);
  if (result < 0) throw systemError(syscall, subject, -result);
  return result;
}

/** The result of a call by {@linkcode attemptOnce}, or its error thrown. */
export function checkOnce(call: () => number, syscall: string, subject: ByteString | ""): number {
  const result = attemptOnce(call);
  if (result < 0) throw systemError(syscall, subject, -result);
  return result;
}
