import { type Block, compareRows } from "../packed/block.ts";
import { wordsOf } from "../packed/format.ts";

/**
 * The rows of a directory of one tree, while directories of several trees are merged. A leaf is
 * loaded only when one of its rows is needed.
 */
export class RowStream {
  /** Rank of the tree: 0 is the topmost. */
  readonly rank: number;
  /** The leaf of the current row; null before it is loaded. */
  leaf: Block | null;
  /** Index of the current row in the leaf. */
  i = 0;
  /** The index block of the directory; null when the directory has one leaf. */
  readonly index: Block | null;
  /** Index, in the index block, of the row that stands for the current leaf. */
  at = 0;

  constructor(rank: number, directory: Block) {
    this.rank = rank;
    this.index = directory.isIndex ? directory : null;
    this.leaf = directory.isIndex ? null : directory;
  }

  /** The leaf of the current row, loaded when needed. */
  load(): Block {
    return this.leaf ??= (this.index as Block).child(this.at) as Block;
  }

  /** Moves to the next row. Returns false at the end. */
  advance(): boolean {
    this.i++;
    return this.i < (this.leaf as Block).count || this.skipLeaf();
  }

  /** Moves to the first row of the next leaf. Returns false at the end. */
  skipLeaf(): boolean {
    return this.goTo(this.at + 1);
  }

  /** Moves to the first row of leaf number `leaf`. Returns false when there is no such leaf. */
  goTo(leaf: number): boolean {
    this.at = leaf;
    if (this.index === null || leaf >= this.index.count) return false;
    this.leaf = null;
    this.i = 0;
    return true;
  }

  /** The block that holds the current name: the leaf, or the index while the leaf is not loaded. */
  get holder(): Block {
    return this.leaf ?? this.index as Block;
  }

  /** Index in {@linkcode holder} of the row with the current name. */
  get place(): number {
    return this.leaf === null ? this.at : this.i;
  }
}

/** Whether the current row of a stream has the name of row `i` of `leaf`. */
export function hasSameName(leaf: Block, i: number, stream: RowStream): boolean {
  const other = stream.holder;
  const place = stream.place;
  const length = leaf.nameLength(i);
  if (length !== other.nameLength(place)) return false;
  let a = leaf.heapAt(i);
  let b = other.heapAt(place);
  for (const end = a + wordsOf(length); a < end; a++, b++) {
    if (leaf.u32[a] !== other.u32[b]) return false;
  }
  return true;
}

/** Compares two streams by their current names, as memcmp does. */
export function compareRowStreams(a: RowStream, b: RowStream): number {
  return compareRows(a.holder, a.place, b.holder, b.place);
}

/**
 * Streams sorted by their current name. If names are equal, the stream of the topmost tree comes
 * first. The first stream is at the end of the array, where it is cheap to remove.
 */
export class RowStreamQueue {
  readonly #streams: RowStream[] = [];

  /** Number of streams. */
  get length(): number {
    return this.#streams.length;
  }

  /** The stream with the least name. */
  get first(): RowStream | undefined {
    return this.#streams.at(-1);
  }

  /** The stream after `first`. */
  get second(): RowStream | undefined {
    return this.#streams.at(-2);
  }

  /** Removes the first stream and returns it. */
  pop(): RowStream {
    return this.#streams.pop() as RowStream;
  }

  /** Inserts a stream at its place in the order. */
  push(stream: RowStream): void {
    const streams = this.#streams;
    let i = streams.length;
    while (i > 0) {
      const other = streams[i - 1] as RowStream;
      const order = compareRowStreams(stream, other) || stream.rank - other.rank;
      if (order < 0) break;
      i--;
    }
    // The place is almost always at the end or near it.
    if (i === streams.length) streams.push(stream);
    else streams.splice(i, 0, stream);
  }
}

/**
 * Index of the first row of a block, from `from` on, whose name is not before the name of row
 * `place` of `other`.
 */
export function rowsBefore(leaf: Block, from: number, other: Block, place: number): number {
  // The row is usually near, so double the step first, then halve the range.
  let low = from;
  let step = 1;
  while (low + step <= leaf.count && compareRows(leaf, low + step - 1, other, place) < 0) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step - 1, leaf.count);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareRows(leaf, middle, other, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
