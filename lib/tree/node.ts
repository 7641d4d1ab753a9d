import type { ByteString, Timestamp } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";

/** An extended attribute: full name (`user.x`) and value, both bytes. */
export interface Xattr {
  /** Name with its namespace. */
  readonly name: ByteString;
  /** Value. */
  readonly value: ByteString;
}

/** A run of a file's content inside a layer tar. Holes between extents read as zeros. */
export interface Extent {
  /** Where the run stands in the file, in bytes. */
  readonly logical: number;
  /** How long it is, in bytes. */
  readonly length: number;
  /** Where it stands in the uncompressed layer tar, in bytes. */
  readonly position: number;
}

/** Where the content of a file lies. Not part of a node's identity. */
export interface Locator {
  /** The layer whose tar holds the bytes. */
  readonly source: DiffId;
  /** The data runs in ascending order; one for an ordinary file, none for an empty one. */
  readonly extents: readonly Extent[];
}

/** What every node but a whiteout has. */
export interface Attributes {
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Time of last change of the content. */
  readonly mtime: Timestamp;
  /** Extended attributes, sorted by name, unique. */
  readonly xattrs: readonly Xattr[];
}

/** What every node has that is neither directory nor whiteout: it can be one of several hard links. */
export interface Linkable extends Attributes {
  /** The least path (no leading slash) of the hard links of this inode; `null` when it is the only one. */
  readonly group: ByteString | null;
}

/** A regular file. */
export interface FileNode extends Linkable {
  /** Tag. */
  readonly type: "file";
  /** Logical size in bytes, below 2^53. */
  readonly size: number;
  /** SHA-256 (32 bytes) of the logical content; `null` exactly when the size is 0. */
  readonly digest: Uint8Array | null;
  /** Where the bytes lie; `null` for a tree without a source. */
  readonly locator: Locator | null;
}

/** A directory. */
export interface DirectoryNode extends Attributes {
  /** Tag. */
  readonly type: "directory";
  /** Layer trees: hides everything that lower layers have in it. Always false in root trees. */
  readonly opaque: boolean;
  /** Layer trees: has no entry of its own in the layer; its attributes come from below. Always false in root trees. */
  readonly implied: boolean;
}

/** A symbolic link. */
export interface SymlinkNode extends Linkable {
  /** Tag. */
  readonly type: "symlink";
  /** Target, 1 to 4095 bytes. */
  readonly target: ByteString;
}

/** A device node. */
export interface DeviceNode extends Linkable {
  /** Tag. */
  readonly type: "char" | "block";
  /** Major number, below 2^12. */
  readonly major: number;
  /** Minor number, below 2^20. */
  readonly minor: number;
}

/** A FIFO. */
export interface FifoNode extends Linkable {
  /** Tag. */
  readonly type: "fifo";
}

/** Layer trees only: hides the lower layers' entry of the same name. */
export interface WhiteoutNode {
  /** Tag. */
  readonly type: "whiteout";
}

/** A node of a tree, as a value. */
export type Node =
  | FileNode
  | DirectoryNode
  | SymlinkNode
  | DeviceNode
  | FifoNode
  | WhiteoutNode;

/** The tags of {@linkcode Node}. */
export type NodeType = Node["type"];
