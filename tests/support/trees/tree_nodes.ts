/** Short ways to write nodes in tests. */
import { type ByteString, EPOCH } from "../../../lib/bytes/mod.ts";
import type { DirectoryNode, FileNode, SymlinkNode } from "../../../lib/tree/mod.ts";

const COMMON = { mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, xattrs: [] };

/** Text as a byte string; chars must be ASCII. */
export function b(text: string): ByteString {
  return text as ByteString;
}

/** A directory. */
export function dir(extra: Partial<DirectoryNode> = {}): DirectoryNode {
  return { ...COMMON, mode: 0o755, type: "directory", opaque: false, implied: false, ...extra };
}

/** A file of `size` bytes; its digest is `byte`, 32 times. */
export function file(size = 0, byte = 1, extra: Partial<FileNode> = {}): FileNode {
  return {
    ...COMMON,
    type: "file",
    group: null,
    size,
    digest: size === 0 ? null : new Uint8Array(32).fill(byte),
    locator: null,
    ...extra,
  };
}

/** A symbolic link. */
export function symlink(target: string): SymlinkNode {
  return { ...COMMON, mode: 0o777, type: "symlink", group: null, target: b(target) };
}
