import { type ByteString, S_IFDIR, S_IFMT } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { FileNode, Node } from "../node.ts";
import type { Tree } from "../tree.ts";
import type { Block } from "./block.ts";
import { RowCursor, type RowRef } from "./directory_reader.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_GROUP,
  F_LINK,
  F_MARKED,
  F_OPAQUE,
  F_XATTR,
  R_GID,
  R_MODE,
  R_MTIME,
  R_NAME,
  R_NS,
  R_SIZE,
  R_UID,
  S_SOURCE,
  SPARSE,
  TWO_32,
  wordsOf,
} from "./format.ts";
import { nodeAt } from "./node_codec.ts";
import { packed } from "./packed_tree.ts";

/**
 * One entry of a tree, read field by field from its packed form. No object is made for the entry,
 * so this is for codecs that go through millions of entries. Other code is simpler with
 * {@linkcode walk} and {@linkcode lookup}.
 */
export class Row {
  /** The buffer that holds the name, as bytes. It must not be changed. */
  bytes!: Uint8Array;
  /** The same buffer as words. */
  words!: Uint32Array;
  readonly #at: RowRef;
  /** Index in `words` of the first word of the row. */
  #row = 0;
  /** Index in `words` of the first word of the row's part of the heap. */
  #heap = 0;

  /** Reads the row that a reference points to. */
  constructor(at: RowRef) {
    this.#at = at;
    this.refresh();
  }

  /** Loads the row that the reference points to now. Caches the fields that are read often. */
  protected refresh(): void {
    const { leaf, i } = this.#at;
    this.bytes = leaf.u8;
    this.words = leaf.u32;
    this.#row = leaf.row(i);
    this.#heap = leaf.heapAt(i);
  }

  /** Makes an independent row for the current entry. It stays valid when this row moves on. */
  copy(): Row {
    const { leaf, i } = this.#at;
    return new Row({ leaf, i });
  }

  /**
   * Index in {@linkcode Row.bytes} of the first byte of the name, which is zero-padded to 4 bytes.
   */
  get nameStart(): number {
    return this.#heap << 2;
  }

  /** Length of the name in bytes. */
  get nameLength(): number {
    return (this.words[this.#row + R_NAME] as number) & 0xffff;
  }

  /** Type and permission bits as in `st_mode`; 0 for a whiteout. */
  get mode(): number {
    return this.words[this.#row + R_MODE] as number;
  }

  /** User id of the owner. */
  get uid(): number {
    return (this.words[this.#row + R_UID] as number);
  }

  /** Group id. */
  get gid(): number {
    return (this.words[this.#row + R_GID] as number);
  }

  /** Seconds of the modification time, low word. */
  get mtimeLo(): number {
    return (this.words[this.#row + R_MTIME] as number);
  }

  /** Seconds of the modification time, high word, unsigned. */
  get mtimeHi(): number {
    return (this.words[this.#row + R_MTIME + 1] as number);
  }

  /** Nanoseconds of the modification time. */
  get mtimeNs(): number {
    return (this.words[this.#row + R_NS] as number);
  }

  /** Size of a file in bytes. */
  get size(): number {
    return (this.words[this.#row + R_SIZE + 1] as number) * TWO_32 +
      (this.words[this.#row + R_SIZE] as number);
  }

  /** Major number of a device. */
  get major(): number {
    return (this.words[this.#row + R_SIZE] as number);
  }

  /** Minor number of a device. */
  get minor(): number {
    return (this.words[this.#row + R_SIZE + 1] as number);
  }

  /** Whether this is an opaque directory, which hides the entries that lower layers have in it. */
  get opaque(): boolean {
    return (this.#flags & F_OPAQUE) !== 0;
  }

  /** Whether a directory holds a whiteout, an opaque or an implied directory, at any depth. */
  get marked(): boolean {
    return (this.#flags & F_MARKED) !== 0;
  }

  /** The layer whose tar holds the bytes of a file; undefined when the file has no locator. */
  get source(): DiffId | undefined {
    const index = this.#side(S_SOURCE) & ~SPARSE;
    return index === 0 ? undefined : this.#at.leaf.segment.sources[index - 1];
  }

  /** Position in the layer tar of a file that is one run of bytes; −1 for any other file. */
  get position(): number {
    const source = this.#side(S_SOURCE);
    if (source === 0 || source >= SPARSE) return -1;
    return this.#side(2) * TWO_32 + this.#side(1);
  }

  /**
   * Range `[first, end)` of {@linkcode Row.words} that holds the extents of a file that is not one
   * run of bytes.
   */
  get extentWords(): readonly [first: number, end: number] {
    if (this.#side(S_SOURCE) < SPARSE) return [0, 0];
    const first = this.#at.leaf.at + this.#side(1);
    return [first, first + this.#side(2) * EXTENT_WORDS];
  }

  /** Length of the target of a symbolic link in bytes. */
  get targetLength(): number {
    return this.words[this.#tailAt()] as number;
  }

  /** Index in {@linkcode Row.bytes} of the first byte of the target of a symbolic link. */
  get targetStart(): number {
    return (this.#tailAt() + 1) << 2;
  }

  /** Whether the entry has xattrs. */
  get hasXattrs(): boolean {
    return (this.#flags & F_XATTR) !== 0;
  }

  /**
   * Range `[first, end)` of {@linkcode Row.words} that holds the xattrs: equal words mean equal
   * xattrs. The range is empty when there are no xattrs.
   */
  get xattrWords(): readonly [first: number, end: number] {
    if (!this.hasXattrs) return NONE;
    const words = this.words;
    const first = this.#xattrsAt();
    let at = first + 1;
    for (let left = words[first] as number; left > 0; left--) {
      at += 2 + wordsOf(words[at] as number) + wordsOf(words[at + 1] as number);
    }
    return [first, at];
  }

  /** The link group: the least path of an inode with several names; null when it has one name. */
  get group(): ByteString | null {
    return (this.#flags & F_GROUP) === 0 ? null : this.#at.leaf.group(this.#at.i);
  }

  /** The name of the entry. */
  get name(): ByteString {
    return this.#at.leaf.name(this.#at.i);
  }

  /** Decodes the entry as a node. */
  node(): Node {
    return nodeAt(this.#at.leaf, this.#at.i);
  }

  /** Decodes the entry as a node. The entry must be a regular file. */
  file(): FileNode {
    return this.node() as FileNode;
  }

  /**
   * The entries of a directory; null when it is empty or the entry is not a directory.
   *
   * @throws {VarveError} `E_FORMAT`, `E_DIGEST` when a stored tree is damaged
   */
  entries(): Rows | null {
    if ((this.mode & S_IFMT) !== S_IFDIR) return null;
    const child = this.#at.leaf.child(this.#at.i);
    return child === null ? null : new Rows(child);
  }

  get #flags(): number {
    return (this.words[this.#row + R_NAME] as number) >>> 16;
  }

  #side(field: number): number {
    const leaf = this.#at.leaf;
    return leaf.u32[leaf.side(this.#at.i) + field] as number;
  }

  /** Index in `words` of the first word after name and digest: a link target, or the xattrs. */
  #tailAt(): number {
    const at = this.#heap + wordsOf(this.nameLength);
    return (this.#flags & F_DIGEST) === 0 ? at : at + 8;
  }

  #xattrsAt(): number {
    const at = this.#tailAt();
    if ((this.#flags & F_LINK) === 0) return at;
    return at + 1 + wordsOf(this.words[at] as number);
  }
}

const NONE: readonly [number, number] = [0, 0];

/**
 * Iterates over the entries of a directory, sorted by name. The iterator itself is the
 * {@linkcode Row} of the current entry.
 */
export class Rows extends Row {
  readonly #cursor: RowCursor;
  /** Whether there is a current entry; false after the last entry. */
  valid: boolean;

  /** Begins at the first entry of a directory's block. */
  constructor(directory: Block) {
    const cursor = new RowCursor(directory);
    super(cursor);
    this.#cursor = cursor;
    this.valid = cursor.valid();
  }

  /** Moves to the next entry. */
  next(): void {
    this.#cursor.i++;
    this.valid = this.#cursor.valid();
    if (this.valid) this.refresh();
  }
}

/** The row of a tree's root directory, whose name is empty. */
export function rootRow(tree: Tree): Row {
  return new Row({ leaf: packed(tree).root(), i: 0 });
}
