import { check } from "../libc/call.ts";
import { libc } from "../libc/libc.ts";
import type { Fd } from "./fd.ts";

/** Names of file systems by magic number (linux/magic.h, and the headers of the drivers). */
const NAMES: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x858458f6: "ramfs",
  0x794c7630: "overlay",
  0xe0f5e1e2: "erofs",
  0x73717368: "squashfs",
  0x6969: "nfs",
  0xff534d42: "cifs",
  0xfe534d42: "smb",
  0x01021997: "9p",
  0x65735546: "fuse",
  0x2fc12fc1: "zfs",
  0xf2f52010: "f2fs",
  0xca451a4e: "bcachefs",
  0x4d44: "vfat",
  0x2011bab0: "exfat",
  0x7366746e: "ntfs3",
  0x9660: "iso9660",
  0x9fa0: "proc",
  0x62656572: "sysfs",
  0x63677270: "cgroup2",
  0x27e0eb: "cgroup",
  0xf15f: "ecryptfs",
  0x61756673: "aufs",
  0x00c36400: "ceph",
};

/** A file system as statfs(2) describes it. */
export interface FileSystem {
  /**
   * Name of the type, such as `"ext4"` (which also stands for ext2 and ext3). For an unknown type,
   * its magic number in hexadecimal.
   */
  readonly type: string;
  /** Magic number of the type. */
  readonly magic: number;
  /** Size in bytes. */
  readonly size: number;
  /** Space that this user can still use, in bytes. */
  readonly available: number;
  /** Free space in bytes, with the part that some file systems keep for root. */
  readonly free: number;
  /** Number of inodes; 0 when the file system does not count them. */
  readonly inodes: number;
  /** Number of free inodes. */
  readonly freeInodes: number;
  /** Maximum length of a name in bytes. */
  readonly nameLength: number;
  /** Whether this mount or the whole file system is read-only. */
  readonly readOnly: boolean;
}

/** `ST_RDONLY` of statfs(2). */
const READ_ONLY = 1n;

/** Describes the file system of an open file (fstatfs(2)). @throws {VarveError} `E_SYSCALL` */
export function fileSystemOf(fd: Fd): FileSystem {
  const buffer = new Uint8Array(120);
  check(() => libc().fstatfs(fd, buffer), "fstatfs", "");
  const view = new DataView(buffer.buffer);
  const word = (offset: number): number => Number(view.getBigUint64(offset, true));
  // struct statfs of 64-bit Linux: type, bsize, blocks, bfree,
  // bavail, files, ffree, fsid, namelen, frsize, flags.
  const magic = view.getUint32(0, true);
  const unit = word(72) || word(8);
  return {
    type: NAMES[magic] ?? `0x${magic.toString(16)}`,
    magic,
    size: word(16) * unit,
    available: word(32) * unit,
    free: word(24) * unit,
    inodes: word(40),
    freeInodes: word(48),
    nameLength: word(64),
    readOnly: (view.getBigUint64(80, true) & READ_ONLY) !== 0n,
  };
}

/** Numbers for ioctl(2): `FS_IOC_GETFLAGS`, `FS_IOC_SETFLAGS`; and `FS_NOCOW_FL` (linux/fs.h). */
const GET_FLAGS = 0x80086601n, SET_FLAGS = 0x40086602n, NO_COPY_ON_WRITE = 0x0080_0000;

/**
 * Lets new files in a directory be written in place, on a file system that otherwise writes a changed block to another
 * place (btrfs). New directories in it take this over.
 *
 * @throws {VarveError} `E_SYSCALL` the file system does not know this
 */
export function writeInPlaceIn(directory: Fd): void {
  const flags = new Uint32Array(2);
  const bytes = new Uint8Array(flags.buffer);
  check(() => libc().ioctl(directory, GET_FLAGS, bytes), "ioctl", "");
  const [before = 0] = flags;
  if ((before & NO_COPY_ON_WRITE) !== 0) return;
  flags[0] = before | NO_COPY_ON_WRITE;
  check(() => libc().ioctl(directory, SET_FLAGS, bytes), "ioctl", "");
}
