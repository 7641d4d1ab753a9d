import { type Block, compareRows } from "../packed/block.ts";

/** The rows of one tree's directory, in a merge of several. Leaves are loaded only when rows are needed. */
export class RowStream {
  /** Which tree: 0 is the topmost. */
  readonly rank: number;
  /** The leaf of the current row; null before the leaf of an index is loaded. */
  leaf: Block | null;
  /** The current row of the leaf. */
  i = 0;
  /** The index over the leaves, if there is one. */
  readonly index: Block | null;
  /** The current row of the index. */
  at = 0;

  constructor(rank: number, directory: Block) {
    this.rank = rank;
    this.index = directory.isIndex ? directory : null;
    this.leaf = directory.isIndex ? null : directory;
  }

  /** Loads the leaf of the current row. */
  load(): Block {
    return this.leaf ??= (this.index as Block).child(this.at) as Block;
  }

  /** Goes to the next row; false at the end. */
  advance(): boolean {
    this.i++;
    return this.i < (this.leaf as Block).count || this.skipLeaf();
  }

  /** Goes to the next leaf; false at the end. */
  skipLeaf(): boolean {
    return this.goTo(this.at + 1);
  }

  /** Goes to the first row of a leaf; false when there is no such leaf. */
  goTo(leaf: number): boolean {
    this.at = leaf;
    if (this.index === null || leaf >= this.index.count) return false;
    this.leaf = null;
    this.i = 0;
    return true;
  }

  /** The block and row that have the current name. */
  get holder(): Block {
    return this.leaf ?? this.index as Block;
  }

  /** The row in {@linkcode holder}. */
  get place(): number {
    return this.leaf === null ? this.at : this.i;
  }
}

/** Orders two streams by their current names. */
export function compareRowStreams(a: RowStream, b: RowStream): number {
  return compareRows(a.holder, a.place, b.holder, b.place);
}

/** Streams in descending order of their names, topmost tree last among equals: the next is at the end. */
export class RowStreamQueue {
  readonly #streams: RowStream[] = [];

  /** Streams that have a row. */
  get length(): number {
    return this.#streams.length;
  }

  /** The stream with the least name. */
  get first(): RowStream | undefined {
    return this.#streams.at(-1);
  }

  /** The stream that comes after it. */
  get second(): RowStream | undefined {
    return this.#streams.at(-2);
  }

  /** Takes the first stream out. */
  pop(): RowStream {
    return this.#streams.pop() as RowStream;
  }

  /** Puts a stream in its place. */
  push(stream: RowStream): void {
    const streams = this.#streams;
    let i = streams.length;
    while (i > 0) {
      const other = streams[i - 1] as RowStream;
      const order = compareRowStreams(stream, other) || stream.rank - other.rank;
      if (order < 0) break;
      i--;
    }
    // Almost always the end or near it.
    if (i === streams.length) streams.push(stream);
    else streams.splice(i, 0, stream);
  }
}

/** The first row of a leaf, from `from` on, whose name is not before that of another row. */
export function rowsBefore(leaf: Block, from: number, other: Block, place: number): number {
  // Most often it is near: double the step, then halve the range.
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
