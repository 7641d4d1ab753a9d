import type { ByteString, Timestamp } from "../bytes/mod.ts";
import type { Extent, Xattr } from "../tree/mod.ts";

/** Type of a tar entry. `"file"` stands for the type flags NUL, `0`, `7` and the sparse types. */
export type EntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "char"
  | "block"
  | "directory"
  | "fifo";

/**
 * One entry of a layer's archive, with path and attributes as stored. No value is checked or filtered:
 * the readers of archive formats make entries, and a layer builder judges them.
 */
export interface Entry {
  /** Path as stored. It may be absolute, and hold `..`, `./` or a trailing slash. */
  readonly path: ByteString;
  /** Type of the entry. */
  readonly type: EntryType;
  /** Mode as stored. It may have any bits. */
  readonly mode: number;
  /** Numeric user id as stored. It may be out of range. User names are ignored. */
  readonly uid: number;
  /** Numeric group id as stored. It may be out of range. Group names are ignored. */
  readonly gid: number;
  /** Modification time as stored. */
  readonly mtime: Timestamp;
  /** Logical size of a file's content in bytes; 0 for every other type. */
  readonly size: number;
  /** Target of a hard or symbolic link; empty otherwise. */
  readonly linkname: ByteString;
  /** Major device number as stored. It may be out of range. */
  readonly devmajor: number;
  /** Minor device number as stored. It may be out of range. */
  readonly devminor: number;
  /**
   * Extended attributes as stored, in the order of the archive. If a name occurs twice, the last
   * attribute is used.
   */
  readonly xattrs: readonly Xattr[];
  /**
   * Names of the PAX records that hold an access control list as text, such as `SCHILY.acl.ace`.
   * The lists themselves are ignored.
   */
  readonly aclTexts?: readonly ByteString[] | undefined;
  /**
   * Where the content lies in the uncompressed archive: one
   * extent, none if empty, several if sparse.
   */
  readonly extents: readonly Extent[];
}
