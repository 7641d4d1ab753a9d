import { S_IFDIR, S_IFMT } from "../../bytes/mod.ts";
import { sha256Hex } from "../../digest/mod.ts";
import {
  ANY_MARK,
  F_GROUP,
  F_MARKED,
  HASH_PRIME,
  HASH_SEED,
  HEADER_WORDS,
  INDEX,
  R_HEAP_END,
  R_MODE,
  R_NAME,
  R_SIZE,
  ROW_WORDS,
  SIDE_WORDS,
} from "./format.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/**
 * Number of words of a *result*. A writer reports the block that it wrote as a result. The block of
 * a parent directory refers to its child by these values.
 */
export const RESULT_WORDS = 14;
/**
 * Word of a result: the import that holds the block, as its index plus one; 0 for the segment being
 * written.
 */
export const O_IMPORT = 0;
/** Word of a result: address of the block, in units of 8 bytes. */
export const O_ADDRESS = 1;
/** Word of a result: length of the block in bytes; 0 for an empty directory, which has no block. */
export const O_LENGTH = 2;
/** Word of a result: number of entries in the block and below it. */
export const O_COUNT = 3;
/** Word of a result: number of those entries that have a link group. */
export const O_LINKED = 4;
/** Word of a result: {@linkcode F_MARKED} when one of those entries is marked, else 0. */
export const O_MARKED = 5;
/** Words of a result: the digest, eight words. */
export const O_DIGEST = 6;

/** Copies words. Below half a KiB a loop is faster than `set(subarray)`. */
export function copyWords(
  from: Uint32Array,
  at: number,
  to: Uint32Array,
  toAt: number,
  words: number,
): void {
  if (words > 128) {
    to.set(from.subarray(at, at + words), toAt);
    return;
  }
  for (let i = 0; i < words; i++) to[toAt + i] = from[at + i] as number;
}

/** Writes the SHA-256 of bytes as eight words. */
export function hashWords(bytes: Uint8Array, out: Uint32Array, at: number): void {
  const hex = sha256Hex(bytes);
  for (let i = 0; i < 8; i++) {
    let word = 0;
    // Words are little endian, so the first byte is the lowest.
    for (let j = 3; j >= 0; j--) {
      const char = i * 8 + j * 2;
      word = word << 8 | digitOf(hex.charCodeAt(char)) << 4 | digitOf(hex.charCodeAt(char + 1));
    }
    out[at + i] = word;
  }
}

/** The value of a digit of `0-9a-f`. */
function digitOf(char: number): number {
  return (char & 15) + (char >>> 6) * 9;
}

/**
 * A checksum (FNV-1a over words) that detects damage in sides and extents, which the hash does not
 * cover.
 */
export function sumWords(u32: Uint32Array, from: number, to: number): number {
  let sum = HASH_SEED;
  for (let i = from; i < to; i++) sum = Math.imul(sum ^ (u32[i] as number), HASH_PRIME);
  return sum >>> 0;
}

function grown(old: Uint32Array<ArrayBuffer>, need: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(Math.max(need, old.length * 4));
  out.set(old);
  return out;
}

/** Collects rows and writes them as one block. One writer writes many blocks, one after another. */
export class BlockWriter {
  /** Number of rows so far. */
  count = 0;
  /** Index in `rows` of the first word of the current row. */
  row = 0;
  /** Words of the rows. */
  rows: Uint32Array<ArrayBuffer> = new Uint32Array(16 * ROW_WORDS);
  /** Words of the heap. */
  heap: Uint32Array<ArrayBuffer> = new Uint32Array(256);
  /** Number of words of the heap in use. */
  heapWords = 0;
  #sides: Uint32Array<ArrayBuffer> = new Uint32Array(16 * SIDE_WORDS);
  #extents: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #extentWords = 0;
  #entries = 0;
  #linked = 0;
  #marked = 0;

  /** Begins a row: copies its ten words from `from`. Its parts follow, then `end`. */
  begin(from: Uint32Array, at: number): void {
    this.row = this.count * ROW_WORDS;
    if (this.row + ROW_WORDS > this.rows.length) {
      this.rows = grown(this.rows, 0);
      this.#sides = grown(this.#sides, 0);
    }
    const rows = this.rows;
    for (let i = 0; i < ROW_WORDS; i++) rows[this.row + i] = from[at + i] as number;
  }

  /** Adds words to the current row's part of the heap. */
  part(from: Uint32Array, at: number, words: number): void {
    const end = this.heapWords + words;
    if (end > this.heap.length) this.heap = grown(this.heap, end);
    copyWords(from, at, this.heap, this.heapWords, words);
    this.heapWords = end;
  }

  /**
   * Adds the extents of the current row. Returns their place, in words after the last side;
   * {@linkcode write} converts it to a place in the block. Without extents (for a file that is one
   * hole), the place is 0.
   */
  extents(from: Uint32Array, at: number, words: number): number {
    if (words === 0) return 0;
    const place = this.#extentWords;
    if (place + words > this.#extents.length) this.#extents = grown(this.#extents, place + words);
    copyWords(from, at, this.#extents, place, words);
    this.#extentWords += words;
    return place;
  }

  /** Ends the current row with the three words of its side. */
  end(kind: number, side0: number, side1: number, side2: number): void {
    const rows = this.rows;
    const row = this.row;
    rows[row + R_HEAP_END] = this.heapWords << 2;
    const flags = (rows[row + R_NAME] as number) >>> 16;
    if (kind === INDEX) {
      this.#entries += rows[row + R_SIZE] as number;
      this.#linked += rows[row + R_SIZE + 1] as number;
    } else if (((rows[row + R_MODE] as number) & S_IFMT) === S_IFDIR) {
      this.#entries += 1 + (rows[row + R_SIZE] as number);
      this.#linked += rows[row + R_SIZE + 1] as number;
    } else {
      this.#entries++;
      if (flags & F_GROUP) this.#linked++;
    }
    if (flags & ANY_MARK) this.#marked = F_MARKED;
    const side = this.count * SIDE_WORDS;
    this.#sides[side] = side0;
    this.#sides[side + 1] = side1;
    this.#sides[side + 2] = side2;
    this.count++;
  }

  /**
   * Writes the block to a segment, and its result to `out` from index `at` on. Then begins a new
   * block.
   */
  write(segment: SegmentWriter, kind: number, out: Uint32Array, at: number): void {
    const count = this.count;
    const rowWords = count * ROW_WORDS;
    const sideWords = count * SIDE_WORDS;
    const hashed = 1 + rowWords + this.heapWords;
    const total = (HEADER_WORDS + hashed + sideWords + this.#extentWords) << 2;
    const arena = segment.arena;
    const address = arena.alloc(total);
    const page = arena.page(address);
    const u32 = page.u32;
    const start = arena.word(address);
    u32[start] = total;
    u32[start + 1] = hashed << 2;
    u32[start + 3] = 0;
    let to = start + HEADER_WORDS;
    u32[to++] = ((kind << 28) | count) >>> 0;
    copyWords(this.rows, 0, u32, to, rowWords);
    to += rowWords;
    copyWords(this.heap, 0, u32, to, this.heapWords);
    to += this.heapWords;
    const side = to;
    copyWords(this.#sides, 0, u32, to, sideWords);
    to += sideWords;
    if (this.#extentWords > 0) {
      const base = to - start;
      for (let i = 0; i < count; i++) {
        const word = side + i * SIDE_WORDS;
        const isFile = ((this.rows[i * ROW_WORDS + R_MODE] as number) & S_IFMT) !== S_IFDIR;
        // Only files have extents. In a directory the same words are an import and an address. A
        // file that is one hole keeps the place 0.
        if (isFile && ((u32[word] as number) >>> 31) === 1 && u32[word + 2] !== 0) {
          u32[word + 1] = (u32[word + 1] as number) + base;
        }
      }
      copyWords(this.#extents, 0, u32, to, this.#extentWords);
      to += this.#extentWords;
    }
    u32[start + 2] = sumWords(u32, side, to);
    const first = (start + HEADER_WORDS) << 2;
    out[at + O_IMPORT] = 0;
    out[at + O_ADDRESS] = address;
    out[at + O_LENGTH] = total;
    out[at + O_COUNT] = this.#entries;
    out[at + O_LINKED] = this.#linked;
    out[at + O_MARKED] = this.#marked;
    hashWords(page.u8.subarray(first, first + (hashed << 2)), out, at + O_DIGEST);
    this.reset();
  }

  /** Drops all rows. */
  reset(): void {
    this.count = 0;
    this.heapWords = 0;
    this.#extentWords = 0;
    this.#entries = 0;
    this.#linked = 0;
    this.#marked = 0;
  }
}
