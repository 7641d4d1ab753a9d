import { equalTimestamps } from "../../bytes/mod.ts";
import type { Stat } from "../../linux/mod.ts";
import { equalAttributes } from "../../tree/internal.ts";
import type { DirectoryNode, FileNode, Node } from "../../tree/mod.ts";

type Leaf = Exclude<Node, DirectoryNode | { type: "whiteout" }>;

/**
 * Whether two nodes are equal, except for their link groups and the content of files. Reads no
 * content.
 */
export function sameOutside(a: Leaf, b: Node): boolean {
  if (a.type !== b.type || !equalAttributes(a, b as Leaf)) return false;
  switch (a.type) {
    case "file":
      return a.size === (b as typeof a).size;
    case "symlink":
      return a.target === (b as typeof a).target;
    case "char":
    case "block":
      return a.major === (b as typeof a).major && a.minor === (b as typeof a).minor;
    case "fifo":
      return true;
  }
}

/** Whether a file still has the size, mode, owner and mtime of its node. */
export function isAsScanned(stat: Stat, node: FileNode): boolean {
  return stat.size === node.size && stat.mode === node.mode && stat.uid === node.uid &&
    stat.gid === node.gid && equalTimestamps(stat.mtime, node.mtime);
}

/** Whether two digests of file contents are equal; `null` stands for no digest. */
export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
