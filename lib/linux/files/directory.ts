import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { attempt } from "../libc/call.ts";
import { Errno, isErrno, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { SYS } from "../libc/numbers.ts";
import type { Fd } from "./fd.ts";
import { type InodeType, statAt } from "./stat.ts";

/** One entry of a directory. */
export interface DirectoryEntry {
  /** Name in the directory. */
  readonly name: ByteString;
  /** Type of the inode. Links are not followed. */
  readonly type: InodeType;
}

/**
 * Types by their `DT_…` number (linux/fs_types.h). For others,
 * such as `DT_UNKNOWN`, statx(2) is called.
 */
const TYPES: Readonly<Record<number, InodeType>> = {
  1: "fifo",
  2: "char",
  4: "directory",
  6: "block",
  8: "file",
  10: "symlink",
  12: "socket",
};

const BUFFER_BYTES = 64 * 1024;
/**
 * All calls share this buffer, because each call turns the records into values before it returns.
 */
const BUFFER = new Uint8Array(BUFFER_BYTES);
const VIEW = new DataView(BUFFER.buffer);

/**
 * Reads the next entries of a directory, at most 64 KiB of records, so that memory stays bounded.
 * `.` and `..` are left out. The order is the file system's own.
 *
 * @returns no entries at the end of the directory, and when it was removed
 */
export function readDirectoryPiece(fd: Fd): DirectoryEntry[] {
  const out: DirectoryEntry[] = [];
  for (;;) {
    const length = attempt(() => libc().getdents64(SYS.getdents64, fd, BUFFER, BUFFER_BYTES));
    // A directory that was removed since it was opened is empty, for POSIX and glibc, too.
    if (length === 0 || length === -Errno.ENOENT) return out;
    if (length < 0) throw systemError("getdents64", "", -length);
    // struct linux_dirent64: u64 inode, s64 offset, u16 record length @16, u8 type @18, name @19.
    for (let at = 0; at < length; at += VIEW.getUint16(at + 16, true)) {
      const start = at + 19;
      const name = fromBytes(BUFFER, start, BUFFER.indexOf(0, start));
      if (name === "." || name === "..") continue;
      const type = TYPES[BUFFER[at + 18] as number] ?? typeOf(fd, name);
      if (type !== undefined) out.push({ name, type });
    }
    if (out.length > 0) return out;
  }
}

/** Type of an entry; `undefined` when it was removed after its directory was read, as a process that ends. */
function typeOf(fd: Fd, name: ByteString): DirectoryEntry["type"] | undefined {
  try {
    return statAt(fd, name).type;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * All entries of a directory from the position of the
 * descriptor on, in the order of the file system.
 */
export function* readDirectory(fd: Fd): Generator<DirectoryEntry, void, undefined> {
  for (let piece = readDirectoryPiece(fd); piece.length > 0; piece = readDirectoryPiece(fd)) {
    yield* piece;
  }
}
