import { type ByteString, fromBytes, S_IFDIR, S_IFMT } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import {
  compareNames,
  COUNT_MASK,
  F_DIGEST,
  F_LINK,
  F_MARKED,
  F_XATTR,
  HEADER_WORDS,
  INDEX,
  R_HEAP_END,
  R_MODE,
  R_NAME,
  R_SIZE,
  ROW_WORDS,
  SIDE_WORDS,
  wordsOf,
} from "./format.ts";

/** A reference to a block: its place, and the values that it must have. */
export interface BlockRef {
  /** The block that holds the reference; null for the root. */
  readonly parent: Block | null;
  /** Index of the referring row in `parent`. */
  readonly row: number;
  /** Address in the segment, in units of 8 bytes. */
  readonly address: number;
  /** Length of the block in bytes. */
  readonly length: number;
  /** An array of words that holds the digest of the block. */
  readonly digest: Uint32Array;
  /** Index in `digest` of the first of the eight words. */
  readonly digestAt: number;
  /** Number of entries in the block and below it. */
  readonly count: number;
  /** Number of those entries that have a link group. */
  readonly linked: number;
  /** {@linkcode F_MARKED} when one of those entries is marked, else 0. */
  readonly marked: number;
}

/**
 * Blocks that were written together. A block refers to blocks of its own segment and of the
 * segments that its segment imports.
 */
export interface Segment {
  /**
   * The layers whose tars hold the content of files in these blocks. Sides refer to them by index.
   */
  readonly sources: readonly DiffId[];
  /** The other segments that these blocks refer to. Sides refer to them by index. */
  readonly imports: readonly Segment[];
  /** Number of bytes that the segment keeps in memory, without its imports. */
  readonly bytes: number;
  /**
   * Finds the block of a reference.
   *
   * @throws {VarveError} `E_FORMAT` or `E_DIGEST` when the segment is read from a file and the
   * block is damaged
   */
  load(ref: BlockRef): Block;
}

/** A view of one block: positions in a buffer that it shares with other blocks. */
export class Block {
  /** The segment that the block belongs to. */
  readonly segment: Segment;
  /** The shared buffer as bytes. */
  readonly u8: Uint8Array;
  /** The shared buffer as words. */
  readonly u32: Uint32Array;
  /** Index in `u32` of the first word of the block. */
  readonly at: number;
  /** Number of rows. */
  readonly count: number;
  /** Whether this is an index: each row then stands for a leaf. */
  readonly isIndex: boolean;
  /** Index in `u32` of the first word of the heap. */
  readonly heap: number;
  /** Index in `u32` of the first word of the sides. */
  readonly sides: number;

  constructor(segment: Segment, u8: Uint8Array, u32: Uint32Array, at: number) {
    this.segment = segment;
    this.u8 = u8;
    this.u32 = u32;
    this.at = at;
    const head = u32[at + HEADER_WORDS] as number;
    this.count = head & COUNT_MASK;
    this.isIndex = head >>> 28 === INDEX;
    this.heap = at + HEADER_WORDS + 1 + this.count * ROW_WORDS;
    this.sides = at + HEADER_WORDS + ((u32[at + 1] as number) >>> 2);
  }

  /** Length of the block in bytes. */
  get length(): number {
    return this.u32[this.at] as number;
  }

  /** Index in `u32` of the first word of a row. */
  row(i: number): number {
    return this.at + HEADER_WORDS + 1 + i * ROW_WORDS;
  }

  /** Index in `u32` of the first word of a row's side. */
  side(i: number): number {
    return this.sides + i * SIDE_WORDS;
  }

  /** Index in `u32` of the first word of a row's part of the heap. The name comes first there. */
  heapAt(i: number): number {
    return i === 0 ? this.heap : this.heap + ((this.u32[this.row(i - 1)] as number) >>> 2);
  }

  /** Index in `u32` of the word after a row's part of the heap. */
  heapEnd(i: number): number {
    return this.heap + ((this.u32[this.row(i) + R_HEAP_END] as number) >>> 2);
  }

  /** The flags of a row: `F_…` and `P_…`. */
  flags(i: number): number {
    return (this.u32[this.row(i) + R_NAME] as number) >>> 16;
  }

  /** Length of a row's name in bytes. */
  nameLength(i: number): number {
    return (this.u32[this.row(i) + R_NAME] as number) & 0xffff;
  }

  /** The name of a row. */
  name(i: number): ByteString {
    const start = this.heapAt(i) << 2;
    return fromBytes(this.u8, start, start + this.nameLength(i));
  }

  /** The type bits of a row's mode; 0 for a whiteout. */
  type(i: number): number {
    return (this.u32[this.row(i) + R_MODE] as number) & S_IFMT;
  }

  /** Whether a row is a directory. */
  isDirectory(i: number): boolean {
    return this.type(i) === S_IFDIR;
  }

  /** Number of entries below a directory that have a link group. */
  linkedBelow(i: number): number {
    return this.u32[this.row(i) + R_SIZE + 1] as number;
  }

  /** The link group of a row that has the flag {@linkcode F_GROUP}. */
  group(i: number): ByteString {
    const u32 = this.u32;
    const flags = this.flags(i);
    let at = this.heapAt(i) + wordsOf(this.nameLength(i));
    if (flags & F_DIGEST) at += 8;
    if (flags & F_LINK) at += 1 + wordsOf(u32[at] as number);
    if (flags & F_XATTR) {
      let left = u32[at++] as number;
      for (; left > 0; left--) {
        at += 2 + wordsOf(u32[at] as number) + wordsOf(u32[at + 1] as number);
      }
    }
    const start = (at + 1) << 2;
    return fromBytes(this.u8, start, start + (u32[at] as number));
  }

  /**
   * The block of a directory, or of the leaf that an index row stands for; null for an empty
   * directory.
   */
  child(i: number): Block | null {
    if ((this.flags(i) & F_DIGEST) === 0) return null;
    return this.childSegment(i).load(this.reference(i));
  }

  /** The segment that holds the block below a row. */
  childSegment(i: number): Segment {
    const from = this.u32[this.side(i)] as number;
    return from === 0 ? this.segment : this.segment.imports[from - 1] as Segment;
  }

  /** The reference that a row holds to the block below it. */
  reference(i: number): BlockRef {
    const side = this.side(i);
    const row = this.row(i);
    return {
      parent: this,
      row: i,
      address: this.u32[side + 1] as number,
      length: this.u32[side + 2] as number,
      digest: this.u32,
      digestAt: this.heapAt(i) + wordsOf(this.nameLength(i)),
      count: this.u32[row + R_SIZE] as number,
      linked: this.u32[row + R_SIZE + 1] as number,
      marked: this.flags(i) & F_MARKED,
    };
  }
}

/** Compares two rows by their names, as memcmp does. */
export function compareRows(a: Block, i: number, b: Block, j: number): number {
  return compareNames(
    a.u32,
    a.heapAt(i),
    a.nameLength(i),
    b.u32,
    b.heapAt(j),
    b.nameLength(j),
  );
}
