import {
  type ByteString,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Timestamp,
} from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { attempt } from "../libc/call.ts";
import { Errno, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { At } from "../libc/numbers.ts";
import { CWD, type Fd } from "./fd.ts";

/** Type of an inode. */
export type InodeType =
  | "file"
  | "directory"
  | "symlink"
  | "char"
  | "block"
  | "fifo"
  | "socket"
  | "unknown";

/** Size in bytes of the blocks that stat(2) counts, whatever the block size of the file system. */
export const STAT_BLOCK = 512;

/**
 * Description of an inode, by statx(2): unlike `struct stat`, it
 * has the same layout on all architectures.
 */
export interface Stat {
  /** Type of the inode. */
  readonly type: InodeType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** User id of the owner. */
  readonly uid: number;
  /** Group id of the owner. */
  readonly gid: number;
  /** Number of hard links. */
  readonly nlink: number;
  /** Logical size in bytes, holes included. */
  readonly size: number;
  /** Allocated space, in units of {@linkcode STAT_BLOCK}. */
  readonly blocks: number;
  /** Inode number, unique on its device. */
  readonly inode: bigint;
  /** Device that holds the inode, as `major:minor`. */
  readonly device: string;
  /** Major number, if the inode is a device node. */
  readonly major: number;
  /** Minor number, if the inode is a device node. */
  readonly minor: number;
  /** Time of the last change of the content. */
  readonly mtime: Timestamp;
  /** Time of the last change of content or attributes. */
  readonly ctime: Timestamp;
  /** Id of the mount through which the inode was reached; 0 before Linux 5.8. */
  readonly mount: bigint;
}

const TYPES: Readonly<Record<number, InodeType>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "char",
  [S_IFBLK]: "block",
  [S_IFIFO]: "fifo",
  [S_IFSOCK]: "socket",
};

const STATX_BASIC_STATS = 0x7ff, STATX_MNT_ID = 0x1000, STATX_MNT_ID_UNIQUE = 0x4000;
const MASK = STATX_BASIC_STATS | STATX_MNT_ID;

// struct statx, 256 bytes (linux/stat.h). Each call decodes it before it returns.
const buffer = new Uint8Array(256);
const view = new DataView(buffer.buffer);

function timestampAt(offset: number): Timestamp {
  return {
    lo: view.getUint32(offset, true),
    hi: view.getInt32(offset + 4, true),
    ns: view.getUint32(offset + 8, true),
  };
}

function decode(): Stat {
  const mode = view.getUint16(28, true);
  return {
    type: TYPES[mode & S_IFMT] ?? "unknown",
    mode: mode & 0o7777,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    nlink: view.getUint32(16, true),
    size: view.getUint32(44, true) * 0x1_0000_0000 + view.getUint32(40, true),
    blocks: view.getUint32(52, true) * 0x1_0000_0000 + view.getUint32(48, true),
    inode: view.getBigUint64(32, true),
    device: `${view.getUint32(136, true)}:${view.getUint32(140, true)}`,
    major: view.getUint32(128, true),
    minor: view.getUint32(132, true),
    mtime: timestampAt(112),
    ctime: timestampAt(96),
    mount: view.getUint32(0, true) & STATX_MNT_ID ? view.getBigUint64(144, true) : 0n,
  };
}

/**
 * Describes a name, without following a link; `undefined` when it does not exist.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function tryStatAt(directory: Fd, name: ByteString): Stat | undefined {
  const flags = At.SYMLINK_NO_FOLLOW | At.EMPTY_PATH;
  const number = -attempt(() => libc().statx(directory, cString(name), flags, MASK, buffer));
  if (number === 0) return decode();
  if (number === Errno.ENOENT) return undefined;
  throw systemError("statx", name, number);
}

/** Describes a name, without following a link. @throws {VarveError} `E_SYSCALL` */
export function statAt(directory: Fd, name: ByteString): Stat {
  const stat = tryStatAt(directory, name);
  if (stat === undefined) throw systemError("statx", name, Errno.ENOENT);
  return stat;
}

/**
 * Id of the mount that a path leads into; links are followed. From Linux 6.8 on, no other mount of this boot ever has
 * the id. An older kernel gives it again after an unmount.
 *
 * @returns `undefined` when the path leads nowhere, or this user may not look at it
 */
export function mountIdOf(path: ByteString): bigint | undefined {
  return mountIdBy(path, STATX_MNT_ID | STATX_MNT_ID_UNIQUE);
}

/** Does the same as {@linkcode mountIdOf}, but only from Linux 6.8 on: else `undefined`. */
export function uniqueMountIdOf(path: ByteString): bigint | undefined {
  return mountIdBy(path, STATX_MNT_ID_UNIQUE);
}

function mountIdBy(path: ByteString, mask: number): bigint | undefined {
  if (attempt(() => libc().statx(CWD, cString(path), 0, mask, buffer)) < 0) return undefined;
  return view.getUint32(0, true) & mask ? view.getBigUint64(144, true) : undefined;
}

/** Describes an open file. @throws {VarveError} `E_SYSCALL` */
export function statFd(fd: Fd): Stat {
  return statAt(fd, "" as ByteString);
}

/**
 * Whether two descriptions belong to the same inode. An inode number is unique only on its device.
 */
export function sameInode(a: Stat, b: Stat): boolean {
  return a.inode === b.inode && a.device === b.device;
}

/**
 * Whether `name` exists in a directory. A link counts, even if its target is missing.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function existsAt(directory: Fd, name: ByteString): boolean {
  const number = -attempt(() =>
    libc().statx(directory, cString(name), At.SYMLINK_NO_FOLLOW, 0, new Uint8Array(256))
  );
  if (number === 0) return true;
  if (number === Errno.ENOENT || number === Errno.ENOTDIR) return false;
  throw systemError("statx", name, number);
}
