import { type ByteString, writeBytes } from "../../bytes/mod.ts";
import type { Block } from "./block.ts";
import { compareNames, wordsOf } from "./format.ts";

/** A name in the form that it has in the heap of a block. */
interface PackedName {
  /** The bytes of the name, zero-padded to whole words. */
  readonly words: Uint32Array;
  /** Length of the name in bytes. */
  readonly length: number;
}

/** Packs a name, so that it can be compared with names in heaps. */
function packName(name: ByteString): PackedName {
  const words = new Uint32Array(wordsOf(name.length));
  writeBytes(name, new Uint8Array(words.buffer), 0);
  return { words, length: name.length };
}

/** Index of the first row whose name is not less than `name`; `count` when all names are less. */
function lowerBound(block: Block, name: PackedName): number {
  let low = 0;
  let high = block.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareNames(
      block.u32,
      block.heapAt(middle),
      block.nameLength(middle),
      name.words,
      0,
      name.length,
    );
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isName(block: Block, i: number, name: PackedName): boolean {
  return i < block.count &&
    compareNames(block.u32, block.heapAt(i), block.nameLength(i), name.words, 0, name.length) === 0;
}

/** A reference to one row. */
export interface RowRef {
  /** The leaf that holds the row. */
  readonly leaf: Block;
  /** Index of the row in the leaf. */
  readonly i: number;
}

/** Finds the row of a name in a directory. */
export function findRow(directory: Block, name: ByteString): RowRef | undefined {
  const packed = packName(name);
  let leaf = directory;
  if (directory.isIndex) {
    let i = lowerBound(directory, packed);
    // An index row has the first name of its leaf. A name between two index rows is in the leaf of
    // the first of them.
    if (!isName(directory, i, packed)) i--;
    if (i < 0) return undefined;
    leaf = directory.child(i) as Block;
  }
  const i = lowerBound(leaf, packed);
  return isName(leaf, i, packed) ? { leaf, i } : undefined;
}

/** Iterates over the rows of a directory, from leaf to leaf, sorted by name. */
export class RowCursor {
  /** The leaf of the current row. */
  leaf: Block;
  /** Index of the current row in the leaf. */
  i = 0;
  readonly #index: Block | null;
  #next = 1;

  constructor(directory: Block) {
    this.#index = directory.isIndex ? directory : null;
    this.leaf = directory.isIndex ? directory.child(0) as Block : directory;
  }

  /**
   * Whether there is a current row. Loads the next leaf if needed, so call it before you read the
   * row.
   */
  valid(): boolean {
    while (this.i >= this.leaf.count) {
      const index = this.#index;
      if (index === null || this.#next >= index.count) return false;
      this.leaf = index.child(this.#next++) as Block;
      this.i = 0;
    }
    return true;
  }
}
