import type { ByteString, Timestamp } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";

/** An extended attribute. Name and value are bytes. */
export interface Xattr {
  /** Full name with its namespace, as in `user.x`. */
  readonly name: ByteString;
  /** Value; may be empty and may hold any byte. */
  readonly value: ByteString;
}

/** A run of a file's content in a layer tar. The holes between extents read as zeros. */
export interface Extent {
  /** Offset of the run in the file, in bytes. */
  readonly logical: number;
  /** Length of the run in bytes. */
  readonly length: number;
  /** Offset of the run in the uncompressed layer tar, in bytes. */
  readonly position: number;
}

/** Where the content of a file lies. It is not part of the identity of the node or the tree. */
export interface Locator {
  /** The layer whose uncompressed tar holds the content. */
  readonly source: DiffId;
  /** The runs of data in ascending order: one for an ordinary file, none for an empty file. */
  readonly extents: readonly Extent[];
}

/** The attributes that every node has, except a whiteout. */
export interface Attributes {
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** User id of the owner. */
  readonly uid: number;
  /** Group id. */
  readonly gid: number;
  /** Modification time of the content. */
  readonly mtime: Timestamp;
  /** Extended attributes, sorted by name, each name once. */
  readonly xattrs: readonly Xattr[];
}

/** A node that can have several names (hard links): any node except a directory or a whiteout. */
export interface Linkable extends Attributes {
  /**
   * The link group of the inode: the least path (no leading slash) among its names. Nodes with the
   * same group are hard links of one inode. `null` when the inode has only one name.
   */
  readonly group: ByteString | null;
}

/** A regular file: the size and digest of its content, and where the content lies. */
export interface FileNode extends Linkable {
  /** The kind of node: a regular file. */
  readonly type: "file";
  /** Size of the content in bytes, holes included; below 2^53. */
  readonly size: number;
  /**
   * SHA-256 (32 bytes) of the content, with zeros for holes; `null` if, and only if, the size is 0.
   */
  readonly digest: Uint8Array | null;
  /** Where the content lies; `null` when the tree was not made from a layer tar. */
  readonly locator: Locator | null;
}

/** A directory. Its entries are not part of the node; `list` and `walk` return them. */
export interface DirectoryNode extends Attributes {
  /** The kind of node: a directory. */
  readonly type: "directory";
  /**
   * Whether the directory hides all entries that lower layers have in it. Always false in a root
   * tree.
   */
  readonly opaque: boolean;
  /**
   * Whether the directory has no entry of its own in the layer, so that its attributes come from
   * the layers below. Always false in a root tree.
   */
  readonly implied: boolean;
}

/** A symbolic link and its target. */
export interface SymlinkNode extends Linkable {
  /** The kind of node: a symbolic link. */
  readonly type: "symlink";
  /** Target of the link, 1 to 4095 bytes. */
  readonly target: ByteString;
}

/** A character or block device. */
export interface DeviceNode extends Linkable {
  /** The kind of node: a character or a block device. */
  readonly type: "char" | "block";
  /** Major number, below 2^12. */
  readonly major: number;
  /** Minor number, below 2^20. */
  readonly minor: number;
}

/** A FIFO (named pipe). */
export interface FifoNode extends Linkable {
  /** The kind of node: a FIFO. */
  readonly type: "fifo";
}

/**
 * A whiteout: hides the entry of the same name in lower layers. Only layer trees have whiteouts.
 */
export interface WhiteoutNode {
  /** The kind of node: a whiteout. */
  readonly type: "whiteout";
}

/** The node of a tree at a path. The field `type` tells the kinds apart. */
export type Node =
  | FileNode
  | DirectoryNode
  | SymlinkNode
  | DeviceNode
  | FifoNode
  | WhiteoutNode;

/** The values of `type` of a {@linkcode Node}. */
export type NodeType = Node["type"];
