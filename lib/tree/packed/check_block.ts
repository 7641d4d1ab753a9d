import { type Block, type BlockRef, compareRows } from "./block.ts";
import { sumWords } from "./block_writer.ts";
import { type CheckLimits, checkRow } from "./check_row.ts";
import { damaged } from "./damaged.ts";
import {
  ANY_MARK,
  COUNT_MASK,
  CUT_MAX,
  CUT_MIN,
  endsLeaf,
  F_GROUP,
  F_MARKED,
  hashName,
  HEADER_WORDS,
  INDEX,
  LEAF,
  R_HEAP_END,
  R_SIZE,
  ROW_WORDS,
  SIDE_WORDS,
} from "./format.ts";

/**
 * Checks the header of a block that should have `length` bytes, and that its rows lie inside the
 * block. Call it before you make a {@linkcode Block}.
 */
export function checkHeader(u32: Uint32Array, at: number, length: number): void {
  const words = length >>> 2;
  if ((length & 3) !== 0 || words < HEADER_WORDS + 1 + ROW_WORDS || u32.length - at < words) {
    damaged("a block has an impossible length");
  }
  const hashed = u32[at + 1] as number;
  if (u32[at] !== length || (hashed & 3) !== 0 || u32[at + 3] !== 0) {
    damaged("a block's header contradicts its reference");
  }
  const head = u32[at + HEADER_WORDS] as number;
  const kind = head >>> 28;
  const count = head & COUNT_MASK;
  const hashedWords = hashed >>> 2;
  if (
    kind === LEAF ? count < 1 || count > CUT_MAX : kind !== INDEX || count < 2
  ) damaged("a block has an impossible number of rows");
  if (
    1 + count * ROW_WORDS > hashedWords ||
    HEADER_WORDS + hashedWords + count * SIDE_WORDS > words
  ) damaged("a block's rows exceed it");
}

/** Checks all of a block except its hash. */
export function checkBlock(block: Block, ref: BlockRef, limits: CheckLimits): void {
  const { u32, count, isIndex } = block;
  const end = block.at + (block.length >>> 2);
  if (sumWords(u32, block.sides, end) !== u32[block.at + 2]) {
    damaged("the sum of a block's locators differs");
  }
  const isRoot = ref.parent === null;
  if (isRoot && (isIndex || count !== 1)) damaged("the root is not one row");
  const heapWords = block.sides - block.heap;
  let entries = 0;
  let linked = 0;
  let marks = 0;
  let from = 0;
  for (let i = 0; i < count; i++) {
    const row = block.row(i);
    const to = u32[row + R_HEAP_END] as number;
    if ((to & 3) !== 0 || to >>> 2 < from || to >>> 2 > heapWords) {
      damaged("the heap of a block is out of order");
    }
    checkRow(block, i, from, to >>> 2, isRoot, limits);
    from = to >>> 2;
    if (i > 0 && compareRows(block, i - 1, block, i) >= 0) damaged("names are not in order");
    const flags = block.flags(i);
    if (isIndex || block.isDirectory(i)) {
      entries += (isIndex ? 0 : 1) + (u32[row + R_SIZE] as number);
      linked += u32[row + R_SIZE + 1] as number;
    } else {
      entries++;
      if ((flags & F_GROUP) !== 0) linked++;
    }
    if ((flags & ANY_MARK) !== 0) marks = F_MARKED;
  }
  if (from !== heapWords) damaged("the heap of a block is longer than its rows");
  if (!isRoot && (entries !== ref.count || linked !== ref.linked || marks !== ref.marked)) {
    damaged("a directory does not match the counts in its parent");
  }
  if (!isIndex) checkCut(block, ref);
}

/**
 * Checks that a leaf ends where the format requires it, and that its names lie in the range of its
 * index row.
 */
function checkCut(leaf: Block, ref: BlockRef): void {
  const { count } = leaf;
  const { parent, row } = ref;
  for (let i = CUT_MIN; i < count; i++) {
    const hash = hashName(leaf.u32, leaf.heapAt(i - 1), leaf.nameLength(i - 1));
    if (endsLeaf(i, hash)) damaged("a directory is not cut where it must be");
  }
  if (parent === null || !parent.isIndex) return;
  if (compareRows(leaf, 0, parent, row) !== 0) damaged("an index has another name than its leaf");
  if (row + 1 === parent.count) return;
  if (compareRows(leaf, count - 1, parent, row + 1) >= 0) damaged("names are not in order");
  if (!endsLeaf(count, hashName(leaf.u32, leaf.heapAt(count - 1), leaf.nameLength(count - 1)))) {
    damaged("a directory is cut where it must not be");
  }
}
