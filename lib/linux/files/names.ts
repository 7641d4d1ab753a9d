import { type ByteString, fromBytes, S_IFBLK, S_IFCHR, S_IFIFO } from "../../bytes/mod.ts";
import { cString, cString2 } from "../libc/c_string.ts";
import { check } from "../libc/call.ts";
import { libc } from "../libc/libc.ts";
import { At } from "../libc/numbers.ts";
import type { Fd } from "./fd.ts";

/**
 * Creates a directory (mkdirat(2)). The umask removes bits of the mode.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function mkdirAt(directory: Fd, name: ByteString, mode = 0o777): void {
  check(() => libc().mkdirat(directory, cString(name), mode), "mkdirat", name);
}

/** Types of inodes that {@linkcode mknodAt} creates. */
export type SpecialType = "char" | "block" | "fifo";

const SPECIAL: Readonly<Record<SpecialType, number>> = {
  char: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
};

/** A device number in the form of user space's `dev_t`, as glibc's `makedev` makes it. */
export function makeDevice(major: number, minor: number): bigint {
  const ma = BigInt(major), mi = BigInt(minor);
  return ((ma & 0xffff_f000n) << 32n) | ((ma & 0xfffn) << 8n) |
    ((mi & 0xffff_ff00n) << 12n) | (mi & 0xffn);
}

/**
 * Creates a device or a FIFO (mknodat(2)). The umask removes bits of the mode.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function mknodAt(
  directory: Fd,
  name: ByteString,
  type: SpecialType,
  mode: number,
  major = 0,
  minor = 0,
): void {
  const device = major === 0 && minor === 0 ? 0 : makeDevice(major, minor);
  check(
    () => libc().mknodat(directory, cString(name), SPECIAL[type] | mode, device),
    "mknodat",
    name,
  );
}

/** Creates a symbolic link (symlinkat(2)). @throws {VarveError} `E_SYSCALL` */
export function symlinkAt(target: ByteString, directory: Fd, name: ByteString): void {
  check(() => libc().symlinkat(cString2(target), directory, cString(name)), "symlinkat", name);
}

/**
 * Creates a hard link (linkat(2)). A symbolic link is not followed: the link itself gets another
 * name.
 */
export function linkAt(
  fromDirectory: Fd,
  from: ByteString,
  toDirectory: Fd,
  to: ByteString,
): void {
  check(
    () => libc().linkat(fromDirectory, cString(from), toDirectory, cString2(to), 0),
    "linkat",
    to,
  );
}

/** Removes a name that is not a directory (unlinkat(2)). @throws {VarveError} `E_SYSCALL` */
export function unlinkAt(directory: Fd, name: ByteString): void {
  check(() => libc().unlinkat(directory, cString(name), 0), "unlinkat", name);
}

/** Removes an empty directory (unlinkat(2)). @throws {VarveError} `E_SYSCALL` */
export function rmdirAt(directory: Fd, name: ByteString): void {
  check(() => libc().unlinkat(directory, cString(name), At.REMOVE_DIRECTORY), "unlinkat", name);
}

/**
 * What {@linkcode renameAt} does if the new name exists:
 * replace it, fail (EEXIST), or exchange both.
 */
export type RenameMode = "replace" | "exclusive" | "exchange";

const RENAME: Readonly<Record<RenameMode, number>> = { replace: 0, exclusive: 1, exchange: 2 };

/** Renames atomically (renameat2(2)). @throws {VarveError} `E_SYSCALL` */
export function renameAt(
  fromDirectory: Fd,
  from: ByteString,
  toDirectory: Fd,
  to: ByteString,
  mode: RenameMode = "replace",
): void {
  check(
    () => libc().renameat2(fromDirectory, cString(from), toDirectory, cString2(to), RENAME[mode]),
    "renameat2",
    from,
  );
}

/**
 * Reads the target of a symbolic link (readlinkat(2)). With an empty name, `directory` itself must
 * be a descriptor of the link.
 */
export function readLinkAt(directory: Fd, name: ByteString): ByteString {
  for (let room = 4096;; room *= 2) {
    const target = new Uint8Array(room);
    const length = check(
      () => libc().readlinkat(directory, cString(name), target, room),
      "readlinkat",
      name,
    );
    if (length < room) return fromBytes(target, 0, length);
  }
}
