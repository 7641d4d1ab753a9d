import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { check } from "../libc/errno.ts";
import type { Fd } from "./fd.ts";
import { SYS } from "../libc/numbers.ts";
import { type InodeType, statAt } from "./stat.ts";
import { libc } from "../libc/libc.ts";

/** One name of a directory. */
export interface DirectoryEntry {
  /** The name, as bytes. */
  readonly name: ByteString;
  /** Kind, without following links. */
  readonly type: InodeType;
}

/** DT_… of linux/dirent.h; DT_UNKNOWN (0) is asked of statx. */
const TYPES: Readonly<Record<number, InodeType>> = {
  1: "fifo",
  2: "char",
  4: "directory",
  6: "block",
  8: "file",
  10: "symlink",
  12: "socket",
};

const ROOM = 64 * 1024;
/** One for all: what a call reads is names before it returns. */
const BUFFER = new Uint8Array(ROOM);
const VIEW = new DataView(BUFFER.buffer);

/**
 * Reads some names of a directory, from where the descriptor stands; empty at
 * the end. `.` and `..` are left out. The order is the file system's.
 *
 * Unbounded directories are read in pieces of at most 64 KiB of records.
 */
export function readDirectoryPiece(fd: Fd): DirectoryEntry[] {
  const out: DirectoryEntry[] = [];
  for (;;) {
    const length = check(
      () => libc().getdents64(SYS.getdents64, fd, BUFFER, ROOM),
      "getdents64",
      "",
    );
    if (length === 0) return out;
    // struct linux_dirent64: u64 inode, s64 offset, u16 record length @16, u8 type @18, name @19.
    for (let at = 0; at < length; at += VIEW.getUint16(at + 16, true)) {
      const start = at + 19;
      const name = fromBytes(BUFFER, start, BUFFER.indexOf(0, start));
      if (name === "." || name === "..") continue;
      out.push({ name, type: TYPES[BUFFER[at + 18] as number] ?? statAt(fd, name).type });
    }
    if (out.length > 0) return out;
  }
}

/** All names of a directory, in the file system's order. */
export function* readDirectory(fd: Fd): Generator<DirectoryEntry, void, undefined> {
  for (let piece = readDirectoryPiece(fd); piece.length > 0; piece = readDirectoryPiece(fd)) {
    yield* piece;
  }
}
