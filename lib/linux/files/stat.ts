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
import { attempt, systemError } from "../libc/errno.ts";
import type { Fd } from "./fd.ts";
import { At } from "../libc/numbers.ts";
import { libc } from "../libc/libc.ts";

/** What an inode is. */
export type InodeType =
  | "file"
  | "directory"
  | "symlink"
  | "char"
  | "block"
  | "fifo"
  | "socket"
  | "unknown";

/** What the kernel says about an inode (statx(2), so that both architectures share one layout). */
export interface Stat {
  /** Kind. */
  readonly type: InodeType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Hard links. */
  readonly nlink: number;
  /** Logical size in bytes. */
  readonly size: number;
  /** Space taken, in units of 512 bytes. */
  readonly blocks: number;
  /** Inode number. */
  readonly inode: bigint;
  /** Device that holds the inode, `major:minor`. */
  readonly device: string;
  /** Major number of a device node. */
  readonly major: number;
  /** Minor number of a device node. */
  readonly minor: number;
  /** Modification time. */
  readonly mtime: Timestamp;
  /** Time of the last change of the inode. */
  readonly ctime: Timestamp;
  /** Id of the mount it was reached through; 0 before Linux 5.8. */
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

/** STATX_BASIC_STATS | STATX_MNT_ID. */
const MASK = 0x7ff | 0x1000;
const MNT_ID = 0x1000;

// struct statx, 256 bytes (linux/stat.h).
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
    mount: view.getUint32(0, true) & MNT_ID ? view.getBigUint64(144, true) : 0n,
  };
}

/** Looks at a name, not following a link; `undefined` when there is none. */
export function tryStatAt(directory: Fd, name: ByteString): Stat | undefined {
  const flags = At.SYMLINK_NO_FOLLOW | At.EMPTY_PATH;
  const number = -attempt(() => libc().statx(directory, cString(name), flags, MASK, buffer));
  if (number === 0) return decode();
  if (number === 2) return undefined;
  throw systemError("statx", name, number);
}

/** Looks at a name, not following a link. @throws {VarveError} `E_SYSCALL` */
export function statAt(directory: Fd, name: ByteString): Stat {
  const stat = tryStatAt(directory, name);
  if (stat === undefined) throw systemError("statx", name, 2);
  return stat;
}

/** Looks at what a descriptor names. @throws {VarveError} `E_SYSCALL` */
export function statFd(fd: Fd): Stat {
  return statAt(fd, "" as ByteString);
}

/** Whether two descriptions are of one inode (an inode number alone is not enough). */
export function sameInode(a: Stat, b: Stat): boolean {
  return a.inode === b.inode && a.device === b.device;
}
