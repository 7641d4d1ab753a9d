import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { S_IFDIR, S_IFMT } from "../stat_mode.ts";
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

/** What the reference to a block says of it. */
export interface BlockRef {
  /** The block that refers to it; null for the root. */
  readonly parent: Block | null;
  /** The row of that block. */
  readonly row: number;
  /** Where the segment has it. */
  readonly address: number;
  /** Its bytes. */
  readonly length: number;
  /** A buffer that holds its digest … */
  readonly digest: Uint32Array;
  /** … from this word. */
  readonly digestAt: number;
  /** Entries below it. */
  readonly count: number;
  /** Linked names below it. */
  readonly linked: number;
  /** {@linkcode F_MARKED} or 0. */
  readonly marked: number;
}

/** Blocks that were written together. Blocks refer to blocks of their own segment and of its imports. */
export interface Segment {
  /** Layers that the sides of its files name. */
  readonly sources: readonly DiffId[];
  /** Other segments that its directories refer to. */
  readonly imports: readonly Segment[];
  /** Bytes it keeps in memory, imports not counted. */
  readonly bytes: number;
  /**
   * The block that a reference names.
   *
   * @throws {VarveError} `E_FORMAT` or `E_DIGEST` when it was read from a file and is damaged
   */
  load(ref: BlockRef): Block;
}

/** A view of one block: positions in a buffer that many blocks share. */
export class Block {
  /** Where it was found. */
  readonly segment: Segment;
  /** The buffer as bytes. */
  readonly u8: Uint8Array;
  /** The buffer as words. */
  readonly u32: Uint32Array;
  /** Word of its first byte. */
  readonly at: number;
  /** Rows. */
  readonly count: number;
  /** Whether its rows stand for leaves. */
  readonly isIndex: boolean;
  /** Word of the heap. */
  readonly heap: number;
  /** Word of the first side. */
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

  /** Bytes. */
  get length(): number {
    return this.u32[this.at] as number;
  }

  /** Word of a row. */
  row(i: number): number {
    return this.at + HEADER_WORDS + 1 + i * ROW_WORDS;
  }

  /** Word of a row's side. */
  side(i: number): number {
    return this.sides + i * SIDE_WORDS;
  }

  /** Word where a row's part of the heap begins: its name. */
  heapAt(i: number): number {
    return i === 0 ? this.heap : this.heap + ((this.u32[this.row(i - 1)] as number) >>> 2);
  }

  /** Word where a row's part of the heap ends. */
  heapEnd(i: number): number {
    return this.heap + ((this.u32[this.row(i) + R_HEAP_END] as number) >>> 2);
  }

  /** Flags of a row. */
  flags(i: number): number {
    return (this.u32[this.row(i) + R_NAME] as number) >>> 16;
  }

  /** Bytes of a row's name. */
  nameLength(i: number): number {
    return (this.u32[this.row(i) + R_NAME] as number) & 0xffff;
  }

  /** Name of a row. */
  name(i: number): ByteString {
    const start = this.heapAt(i) << 2;
    return fromBytes(this.u8, start, start + this.nameLength(i));
  }

  /** Type bits of a row's mode; 0 for a whiteout. */
  type(i: number): number {
    return (this.u32[this.row(i) + R_MODE] as number) & S_IFMT;
  }

  /** Whether a row is a directory. */
  isDirectory(i: number): boolean {
    return this.type(i) === S_IFDIR;
  }

  /** Linked names that a directory's row has below it. */
  linkedBelow(i: number): number {
    return this.u32[this.row(i) + R_SIZE + 1] as number;
  }

  /** The link group of a row that has one. */
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

  /** The block below a row: of a directory that is not empty, or of an index's leaf. */
  child(i: number): Block | null {
    if ((this.flags(i) & F_DIGEST) === 0) return null;
    return this.childSegment(i).load(this.reference(i));
  }

  /** The segment that has the block below a row. */
  childSegment(i: number): Segment {
    const from = this.u32[this.side(i)] as number;
    return from === 0 ? this.segment : this.segment.imports[from - 1] as Segment;
  }

  /** What a row says of the block below it. */
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

/** Orders two rows by their names. */
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
