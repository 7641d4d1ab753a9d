import type { ByteString, Timestamp } from "../bytes/mod.ts";
import type { Extent, Xattr } from "../tree/mod.ts";

/** What a tar entry is. `"file"` also stands for type flags NUL, `0`, `7` and the sparse types. */
export type EntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "char"
  | "block"
  | "directory"
  | "fifo";

/**
 * One entry of a layer, as the archive says it: the raw path and attributes,
 * before any policy. Readers of formats make entries; `layer/` judges them.
 */
export interface Entry {
  /** Path as stored: may be absolute, hold `..`, `./` or a trailing slash. */
  readonly path: ByteString;
  /** Kind. */
  readonly type: EntryType;
  /** Mode as stored, with any bits. */
  readonly mode: number;
  /** User id as stored (numbers only; names are never looked up). May be out of range. */
  readonly uid: number;
  /** Group id as stored. */
  readonly gid: number;
  /** Modification time. */
  readonly mtime: Timestamp;
  /** Logical size of a file's content in bytes; 0 for every other type. */
  readonly size: number;
  /** Target of a hard or symbolic link; empty otherwise. */
  readonly linkname: ByteString;
  /** Major device number as stored. May be out of range. */
  readonly devmajor: number;
  /** Minor device number as stored. */
  readonly devminor: number;
  /** Extended attributes as stored, in the archive's order, last of a name wins, none removed by policy. */
  readonly xattrs: readonly Xattr[];
  /** Where the content lies in the uncompressed archive; one extent unless sparse, none when empty. */
  readonly extents: readonly Extent[];
}
