import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { FileNode, Node } from "../node.ts";
import { S_IFDIR, S_IFMT } from "../stat_mode.ts";
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
 * One entry as it lies packed, read field by field without a value of its own:
 * for codecs that go through millions of entries. Everything else is better
 * served by {@linkcode walk} and {@linkcode lookup}.
 */
export class Row {
  /** The buffer that has the name, as bytes. It must not be changed. */
  bytes!: Uint8Array;
  /** The same buffer as words. */
  words!: Uint32Array;
  readonly #at: RowRef;
  /** Word of the row. */
  #row = 0;
  /** Word of its part of the heap. */
  #heap = 0;

  /** The row that a reference is at. */
  constructor(at: RowRef) {
    this.#at = at;
    this.refresh();
  }

  /** Looks where the reference is now: what is asked often is kept. */
  protected refresh(): void {
    const { leaf, i } = this.#at;
    this.bytes = leaf.u8;
    this.words = leaf.u32;
    this.#row = leaf.row(i);
    this.#heap = leaf.heapAt(i);
  }

  /** A row that stays where this one is now. */
  copy(): Row {
    const { leaf, i } = this.#at;
    return new Row({ leaf, i });
  }

  /** Where the name begins in {@linkcode Row.bytes}; zero-padded to 4 bytes. */
  get nameStart(): number {
    return this.#heap << 2;
  }

  /** Bytes of the name. */
  get nameLength(): number {
    return (this.words[this.#row + R_NAME] as number) & 0xffff;
  }

  /** Type and permission bits as in `st_mode`; 0 for a whiteout. */
  get mode(): number {
    return this.words[this.#row + R_MODE] as number;
  }

  /** Owner. */
  get uid(): number {
    return (this.words[this.#row + R_UID] as number);
  }

  /** Group. */
  get gid(): number {
    return (this.words[this.#row + R_GID] as number);
  }

  /** Low word of the seconds. */
  get mtimeLo(): number {
    return (this.words[this.#row + R_MTIME] as number);
  }

  /** High word of the seconds, unsigned. */
  get mtimeHi(): number {
    return (this.words[this.#row + R_MTIME + 1] as number);
  }

  /** Nanoseconds. */
  get mtimeNs(): number {
    return (this.words[this.#row + R_NS] as number);
  }

  /** A file's size in bytes. */
  get size(): number {
    return (this.words[this.#row + R_SIZE + 1] as number) * TWO_32 +
      (this.words[this.#row + R_SIZE] as number);
  }

  /** A device's major number. */
  get major(): number {
    return (this.words[this.#row + R_SIZE] as number);
  }

  /** A device's minor number. */
  get minor(): number {
    return (this.words[this.#row + R_SIZE + 1] as number);
  }

  /** Whether a directory hides what lower layers have in it. */
  get opaque(): boolean {
    return (this.#flags & F_OPAQUE) !== 0;
  }

  /** Whether something below a directory is a whiteout, opaque or implied. */
  get marked(): boolean {
    return (this.#flags & F_MARKED) !== 0;
  }

  /** The layer that has a file's bytes; undefined where none is known. */
  get source(): DiffId | undefined {
    const index = this.#side(S_SOURCE) & ~SPARSE;
    return index === 0 ? undefined : this.#at.leaf.segment.sources[index - 1];
  }

  /** Where the one extent of a file begins in the layer; −1 when the file has not exactly one that covers it. */
  get position(): number {
    const source = this.#side(S_SOURCE);
    if (source === 0 || source >= SPARSE) return -1;
    return this.#side(2) * TWO_32 + this.#side(1);
  }

  /** Words of {@linkcode Row.words} that hold the extents of a file with several: `[first, end)`. */
  get extentWords(): readonly [first: number, end: number] {
    if (this.#side(S_SOURCE) < SPARSE) return [0, 0];
    const first = this.#at.leaf.at + this.#side(1);
    return [first, first + this.#side(2) * EXTENT_WORDS];
  }

  /** Bytes of a symbolic link's target. */
  get targetLength(): number {
    return this.words[this.#targetAt()] as number;
  }

  /** Where the target begins in {@linkcode Row.bytes}. */
  get targetStart(): number {
    return (this.#targetAt() + 1) << 2;
  }

  /** Whether there are xattrs. */
  get hasXattrs(): boolean {
    return (this.#flags & F_XATTR) !== 0;
  }

  /** Words of {@linkcode Row.words} that hold the xattrs, equal for equal ones: `[first, end)`; empty when there are none. */
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

  /** The link group: the least path of an inode with several names. */
  get group(): ByteString | null {
    return (this.#flags & F_GROUP) === 0 ? null : this.#at.leaf.group(this.#at.i);
  }

  /** The entry's name. */
  get name(): ByteString {
    return this.#at.leaf.name(this.#at.i);
  }

  /** The entry as a value. */
  node(): Node {
    return nodeAt(this.#at.leaf, this.#at.i);
  }

  /** A file's value. */
  file(): FileNode {
    return this.node() as FileNode;
  }

  /**
   * The entries of a directory; null when it has none, or for anything else.
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

  #partsAt(): number {
    const at = this.#heap + wordsOf(this.nameLength);
    return (this.#flags & F_DIGEST) === 0 ? at : at + 8;
  }

  #targetAt(): number {
    return this.#partsAt();
  }

  #xattrsAt(): number {
    const at = this.#partsAt();
    if ((this.#flags & F_LINK) === 0) return at;
    return at + 1 + wordsOf(this.words[at] as number);
  }
}

const NONE: readonly [number, number] = [0, 0];

/** Goes through the entries of one directory in order. It is itself the current {@linkcode Row}. */
export class Rows extends Row {
  readonly #cursor: RowCursor;
  /** Whether there is a current row. */
  valid: boolean;

  /** The rows of a directory's block, which is not empty. */
  constructor(directory: Block) {
    const cursor = new RowCursor(directory);
    super(cursor);
    this.#cursor = cursor;
    this.valid = cursor.valid();
  }

  /** Goes to the next row. */
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
