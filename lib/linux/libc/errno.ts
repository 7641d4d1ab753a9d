import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";

/** Numbers of the kernel's errors (asm-generic/errno*.h: the same on x86-64 and aarch64). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ECONNABORTED: 103,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Errno).map(([name, number]) => [number, name]),
);

/** Texts for messages. Any other error is shown by its name. */
const TEXT: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
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
  ENOLCK: "no locks available",
  ENOSYS: "the kernel does not have this call",
  ENOTEMPTY: "directory not empty",
  ELOOP: "a symbolic link is in the way",
  ENODATA: "no such attribute",
  ENOTSUP: "not supported here",
  ESTALE: "stale file handle",
  EUCLEAN: "the file system is damaged",
  EDQUOT: "disk quota exceeded",
};

/** Verbs for messages, by system call: "Cannot <verb> <subject>". */
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

/** The name of an error number, such as `"ENOSPC"`. A number without a name becomes `"E123"`. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `E${number}`;
}

/**
 * The `E_SYSCALL` error of a failed call.
 *
 * @param subject name of the file that the call works on; empty if there is none
 * @param number the kernel's error number
 */
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
    { errno, syscall, subject: shown === "" ? undefined : shown },
  );
}

/**
 * Whether an error is a system call that failed with one of the
 * named errors: `isErrno(error, "ENOENT")`.
 */
export function isErrno(
  error: unknown,
  ...names: readonly (keyof typeof Errno)[]
): error is VarveError {
  return error instanceof VarveError && error.code === "E_SYSCALL" &&
    names.some((name) => name === error.details.errno);
}
