import type { Block } from "../packed/block.ts";
import type { RowRef } from "../packed/directory_reader.ts";
import {
  F_DIGEST,
  F_IMPLIED,
  F_OPAQUE,
  F_XATTR,
  R_MODE,
  R_NAME,
  ROW_WORDS,
  wordsOf,
} from "../packed/format.ts";
import { compareRowStreams, RowStream } from "./row_stream.ts";

/** The rows of one name in two directories. At least one of them is not null. */
export interface Pair {
  /** Row in the first directory. */
  readonly a: RowRef | null;
  /** Row in the second directory. */
  readonly b: RowRef | null;
}

/**
 * Iterates over two directories side by side, sorted by name. Leaves with equal digests are
 * skipped.
 */
export class PairCursor {
  #a: RowStream | null;
  #b: RowStream | null;

  constructor(a: Block | null, b: Block | null) {
    this.#a = a === null ? null : new RowStream(0, a);
    this.#b = b === null ? null : new RowStream(1, b);
  }

  /** The rows of the next name that may differ; null at the end. */
  next(): Pair | null {
    for (;;) {
      const a = this.#a;
      const b = this.#b;
      if (a === null && b === null) return null;
      if (a !== null && b !== null) {
        if (a.leaf === null && b.leaf === null && equalDigests(a, b)) {
          this.#a = a.skipLeaf() ? a : null;
          this.#b = b.skipLeaf() ? b : null;
          continue;
        }
        const order = compareRowStreams(a, b);
        if (order === 0) return { a: this.#takeA(a), b: this.#takeB(b) };
        return order < 0 ? { a: this.#takeA(a), b: null } : { a: null, b: this.#takeB(b) };
      }
      return { a: a && this.#takeA(a), b: b && this.#takeB(b) };
    }
  }

  #takeA(a: RowStream): RowRef {
    const row = { leaf: a.load(), i: a.i };
    if (!a.advance()) this.#a = null;
    return row;
  }

  #takeB(b: RowStream): RowRef {
    const row = { leaf: b.load(), i: b.i };
    if (!b.advance()) this.#b = null;
    return row;
  }
}

function equalDigests(a: RowStream, b: RowStream): boolean {
  return sameDigest({ leaf: a.index as Block, i: a.at }, { leaf: b.index as Block, i: b.at });
}

/**
 * Whether two rows have the same digest (of a file's content or a directory's entries), or both
 * have none.
 */
export function sameDigest(a: RowRef, b: RowRef): boolean {
  const has = a.leaf.flags(a.i) & F_DIGEST;
  if (has !== (b.leaf.flags(b.i) & F_DIGEST)) return false;
  if (has === 0) return true;
  return sameWords(a.leaf, digestAt(a), b.leaf, digestAt(b), 8);
}

/**
 * Whether two rows of one name are equal. Their sides, which say where the content lies, may
 * differ. Do not use it for two directories.
 */
export function sameRow(a: RowRef, b: RowRef): boolean {
  const rowA = a.leaf.row(a.i);
  const rowB = b.leaf.row(b.i);
  if (!sameWords(a.leaf, rowA + R_NAME, b.leaf, rowB + R_NAME, ROW_WORDS - R_NAME)) return false;
  return sameHeap(a, a.leaf.heapAt(a.i), b, b.leaf.heapAt(b.i));
}

/** Whether two directories have the same attributes; their entries do not matter. */
export function sameAttributes(a: RowRef, b: RowRef): boolean {
  const own = F_XATTR | F_OPAQUE | F_IMPLIED;
  if ((a.leaf.flags(a.i) & own) !== (b.leaf.flags(b.i) & own)) return false;
  const rowA = a.leaf.row(a.i);
  const rowB = b.leaf.row(b.i);
  // The six words of mode, user id, group id, seconds (2) and nanoseconds.
  if (!sameWords(a.leaf, rowA + R_MODE, b.leaf, rowB + R_MODE, 6)) return false;
  const restA = digestAt(a) + ((a.leaf.flags(a.i) & F_DIGEST) !== 0 ? 8 : 0);
  const restB = digestAt(b) + ((b.leaf.flags(b.i) & F_DIGEST) !== 0 ? 8 : 0);
  return sameHeap(a, restA, b, restB);
}

function digestAt(row: RowRef): number {
  return row.leaf.heapAt(row.i) + wordsOf(row.leaf.nameLength(row.i));
}

function sameHeap(a: RowRef, fromA: number, b: RowRef, fromB: number): boolean {
  const words = a.leaf.heapEnd(a.i) - fromA;
  return words === b.leaf.heapEnd(b.i) - fromB && sameWords(a.leaf, fromA, b.leaf, fromB, words);
}

function sameWords(a: Block, at: number, b: Block, bt: number, words: number): boolean {
  for (let k = 0; k < words; k++) if (a.u32[at + k] !== b.u32[bt + k]) return false;
  return true;
}
