import { S_IFDIR } from "../../bytes/mod.ts";
import type { Block } from "./block.ts";
import {
  BlockWriter,
  copyWords,
  O_ADDRESS,
  O_COUNT,
  O_DIGEST,
  O_IMPORT,
  O_LENGTH,
  O_LINKED,
  O_MARKED,
  RESULT_WORDS,
} from "./block_writer.ts";
import {
  CUT_MIN,
  endsLeaf,
  EXTENT_WORDS,
  F_DIGEST,
  F_IMPLIED,
  F_MARKED,
  F_OPAQUE,
  F_XATTR,
  hashName,
  INDEX,
  LEAF,
  R_MODE,
  R_NAME,
  R_SIZE,
  ROW_WORDS,
  SPARSE,
  wordsOf,
} from "./format.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/** The row of a directory with default attributes: 0755, 0:0, mtime 0. */
const DEFAULT_DIRECTORY: Uint32Array = (() => {
  const row = new Uint32Array(ROW_WORDS);
  row[R_MODE] = S_IFDIR | 0o755;
  return row;
})();
const INDEX_ROW = new Uint32Array(ROW_WORDS);

/**
 * Writes a directory to a segment: takes its rows sorted by name, cuts them into leaves, and writes
 * an index when there is more than one leaf. One writer writes many directories, one after another.
 *
 * To write a row, call `begin`, then `part` for each part after its name, then `end`.
 */
export class DirectoryWriter {
  readonly #segment: SegmentWriter;
  readonly #leaf = new BlockWriter();
  #index: BlockWriter | undefined;
  #leaves = 0;
  /** Result of the last leaf. It is the result of the directory when there is only one leaf. */
  readonly #only = new Uint32Array(RESULT_WORDS);
  /** Words of the name of the first entry of the current leaf, for the index. */
  #first: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  #firstLength = 0;
  /** Index in the heap of the first word of the current row's name. */
  #nameAt = 0;

  constructor(segment: SegmentWriter) {
    this.#segment = segment;
  }

  /** Whether the next row begins a new leaf. */
  get atCut(): boolean {
    return this.#leaf.count === 0;
  }

  /** Whether no row was written since the last `finish`. */
  get isEmpty(): boolean {
    return this.#leaf.count === 0 && this.#leaves === 0;
  }

  /**
   * Begins a row: copies its ten words from `from` and its name from `names`. Flags and size can be
   * set in {@linkcode rows} until the row ends.
   */
  begin(from: Uint32Array, at: number, names: Uint32Array, nameAt: number): void {
    this.beginNamed(from, at, names, nameAt, (from[at + R_NAME] as number) & 0xffff);
  }

  /**
   * Begins a row whose name has another length than the ten words say. Flags must be set before the
   * row ends.
   */
  beginNamed(
    from: Uint32Array,
    at: number,
    names: Uint32Array,
    nameAt: number,
    nameLength: number,
  ): void {
    const leaf = this.#leaf;
    leaf.begin(from, at);
    leaf.rows[leaf.row + R_NAME] = nameLength;
    this.#nameAt = leaf.heapWords;
    leaf.part(names, nameAt, wordsOf(nameLength));
  }

  /** Index in {@linkcode rows} of the first word of the current row. */
  get row(): number {
    return this.#leaf.row;
  }

  /** The words that hold the current row. Read this again after each `begin`: the array may be new. */
  get rows(): Uint32Array {
    return this.#leaf.rows;
  }

  /** Adds a part to the heap. The order is digest, link target, xattrs, link group. */
  part(from: Uint32Array, at: number, words: number): void {
    this.#leaf.part(from, at, words);
  }

  /** Ends the current row with the three words of its side. May end the leaf. */
  end(side0: number, side1: number, side2: number): void {
    const leaf = this.#leaf;
    leaf.end(LEAF, side0, side1, side2);
    const nameLength = (leaf.rows[leaf.row + R_NAME] as number) & 0xffff;
    if (leaf.count === 1) {
      this.#firstLength = nameLength;
      const words = wordsOf(nameLength);
      if (words > this.#first.length) this.#first = new Uint32Array(words * 2);
      copyWords(leaf.heap, this.#nameAt, this.#first, 0, words);
    }
    if (leaf.count < CUT_MIN) return;
    if (endsLeaf(leaf.count, hashName(leaf.heap, this.#nameAt, nameLength))) this.#cut();
  }

  /** Adds the extents of the current row. Returns the second word of its side. */
  extents(from: Uint32Array, at: number, words: number): number {
    return this.#leaf.extents(from, at, words);
  }

  /** Copies row `i` of a block of any segment. */
  copy(block: Block, i: number): void {
    const u32 = block.u32;
    const row = block.row(i);
    const name = block.heapAt(i);
    const words = wordsOf((u32[row + R_NAME] as number) & 0xffff);
    this.begin(u32, row, u32, name);
    this.rows[this.row + R_NAME] = u32[row + R_NAME] as number;
    this.part(u32, name + words, block.heapEnd(i) - name - words);
    const side = block.side(i);
    const first = u32[side] as number;
    const second = u32[side + 1] as number;
    const third = u32[side + 2] as number;
    if (block.isDirectory(i)) {
      const import_ = third === 0 ? 0 : this.#segment.mapImport(block.segment, first);
      this.end(import_, second, third);
    } else if (first >= SPARSE) {
      const source = this.#segment.mapSource(block.segment, first & ~SPARSE);
      const place = this.extents(u32, block.at + second, third * EXTENT_WORDS);
      this.end((source | SPARSE) >>> 0, place, third);
    } else {
      this.end(this.#segment.mapSource(block.segment, first), second, third);
    }
  }

  /**
   * Writes the row of a directory.
   *
   * @param named block whose row `n` has the name
   * @param attributes block whose row `a` has the attributes; null for the default attributes
   * @param flags `F_OPAQUE` and `F_IMPLIED`; other flags are ignored
   * @param child the result (`O_…`) that stands for the block of the directory's own rows; it must be
   * valid in this segment
   */
  directory(
    named: Block,
    n: number,
    attributes: Block | null,
    a: number,
    flags: number,
    child: Uint32Array,
  ): void {
    const leaf = this.#leaf;
    const nameLength = named.nameLength(n);
    if (attributes === null) leaf.begin(DEFAULT_DIRECTORY, 0);
    else leaf.begin(attributes.u32, attributes.row(a));
    this.#nameAt = leaf.heapWords;
    leaf.part(named.u32, named.heapAt(n), wordsOf(nameLength));
    let out = (flags & (F_OPAQUE | F_IMPLIED)) | (child[O_MARKED] as number);
    if (child[O_LENGTH] !== 0) {
      out |= F_DIGEST;
      leaf.part(child, O_DIGEST, 8);
    }
    if (attributes !== null && (attributes.flags(a) & F_XATTR) !== 0) {
      out |= F_XATTR;
      // After name and digest, a directory has only xattrs.
      const from = attributes.heapAt(a) + wordsOf(attributes.nameLength(a)) +
        ((attributes.flags(a) & F_DIGEST) !== 0 ? 8 : 0);
      leaf.part(attributes.u32, from, attributes.heapEnd(a) - from);
    }
    const row = leaf.row;
    leaf.rows[row + R_NAME] = (nameLength | (out << 16)) >>> 0;
    leaf.rows[row + R_SIZE] = child[O_COUNT] as number;
    leaf.rows[row + R_SIZE + 1] = child[O_LINKED] as number;
    this.end(child[O_IMPORT] as number, child[O_ADDRESS] as number, child[O_LENGTH] as number);
  }

  /**
   * Takes leaf `i` of another directory by reference. Allowed only when {@linkcode atCut} is true,
   * and only for a leaf that would end at the same entry here.
   */
  leaf(index: Block, i: number): void {
    const target = this.#index ??= new BlockWriter();
    const u32 = index.u32;
    const name = index.heapAt(i);
    const nameWords = wordsOf(index.nameLength(i));
    const side = index.side(i);
    // This is the result of the directory if no other leaf follows.
    if (this.#leaves === 0) writeReference(index, i, this.#segment, this.#only);
    target.begin(u32, index.row(i));
    target.part(u32, name, nameWords + 8);
    const from = this.#segment.mapImport(index.segment, u32[side] as number);
    target.end(INDEX, from, u32[side + 1] as number, u32[side + 2] as number);
    this.#leaves++;
  }

  #cut(): void {
    const only = this.#only;
    this.#leaf.write(this.#segment, LEAF, only, 0);
    const index = this.#index ??= new BlockWriter();
    index.begin(INDEX_ROW, 0);
    index.part(this.#first, 0, wordsOf(this.#firstLength));
    index.part(only, O_DIGEST, 8);
    const row = index.row;
    const flags = F_DIGEST | (only[O_MARKED] as number);
    index.rows[row + R_NAME] = (this.#firstLength | (flags << 16)) >>> 0;
    index.rows[row + R_SIZE] = only[O_COUNT] as number;
    index.rows[row + R_SIZE + 1] = only[O_LINKED] as number;
    index.end(
      INDEX,
      only[O_IMPORT] as number,
      only[O_ADDRESS] as number,
      only[O_LENGTH] as number,
    );
    this.#leaves++;
  }

  /** Ends the directory and writes its result to `out`, from index `at` on. */
  finish(out: Uint32Array, at: number): void {
    if (this.#leaf.count > 0) {
      if (this.#leaves === 0) {
        this.#leaf.write(this.#segment, LEAF, out, at);
        return;
      }
      this.#cut();
    }
    if (this.#leaves === 0) {
      out.fill(0, at, at + RESULT_WORDS);
      return;
    }
    if (this.#leaves === 1) {
      copyWords(this.#only, 0, out, at, RESULT_WORDS);
      this.#index?.reset();
    } else {
      this.#index?.write(this.#segment, INDEX, out, at);
    }
    this.#leaves = 0;
  }
}

/**
 * Makes a *result* from the reference that row `i` holds to its child, and writes it to `out`. The
 * result is valid in the segment being written.
 */
export function writeReference(
  block: Block,
  i: number,
  segment: SegmentWriter,
  out: Uint32Array,
): void {
  if ((block.flags(i) & F_DIGEST) === 0) {
    out.fill(0);
    return;
  }
  const u32 = block.u32;
  const side = block.side(i);
  const row = block.row(i);
  out[O_IMPORT] = segment.mapImport(block.segment, u32[side] as number);
  out[O_ADDRESS] = u32[side + 1] as number;
  out[O_LENGTH] = u32[side + 2] as number;
  out[O_COUNT] = u32[row + R_SIZE] as number;
  out[O_LINKED] = u32[row + R_SIZE + 1] as number;
  out[O_MARKED] = block.flags(i) & F_MARKED;
  copyWords(u32, block.heapAt(i) + wordsOf(block.nameLength(i)), out, O_DIGEST, 8);
}
