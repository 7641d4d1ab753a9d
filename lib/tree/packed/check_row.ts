import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../bytes/mod.ts";
import type { TreeKind } from "../tree.ts";
import type { Block, Segment } from "./block.ts";
import { damaged } from "./damaged.ts";
import {
  compareNames,
  EXTENT_WORDS,
  F_DIGEST,
  F_GROUP,
  F_IMPLIED,
  F_LINK,
  F_MARKED,
  F_OPAQUE,
  F_WHITEOUT,
  F_XATTR,
  R_MODE,
  R_NS,
  R_SIZE,
  SPARSE,
  STORED_FLAGS,
  TWO_32,
  wordsOf,
} from "./format.ts";

/** The limits that a block is checked against, in addition to its reference. */
export interface CheckLimits {
  /** Kind of the tree: only a layer tree may hold whiteouts, opaque and implied directories. */
  readonly kind: TreeKind;
  /** The segment that the block was read from. */
  readonly segment: Segment;
  /** Size of the segment in units of 8 bytes. Addresses must be below it. */
  readonly units: number;
}

/** A number of two words is a safe integer when its high word is below this. */
const SAFE_HIGH = 1 << 21;
const MARKS = F_OPAQUE | F_IMPLIED | F_MARKED;

/**
 * Checks row `i`, its part of the heap (`from` to `to`, in words from the start of the heap) and
 * its side.
 */
export function checkRow(
  block: Block,
  i: number,
  from: number,
  to: number,
  isRoot: boolean,
  limits: CheckLimits,
): void {
  const { u32 } = block;
  const row = block.row(i);
  const flags = block.flags(i);
  if ((flags & ~STORED_FLAGS) !== 0) damaged("a row has unknown flags");
  if (limits.kind === "root" && (flags & (MARKS | F_WHITEOUT)) !== 0) {
    damaged("a root tree has whiteouts or marks");
  }
  const at = checkName(block, i, block.heap + from, block.heap + to, isRoot);
  if (block.isIndex) {
    if ((flags & ~F_MARKED) !== F_DIGEST || !areZero(u32, row + R_MODE, row + R_SIZE)) {
      damaged("an index row has attributes");
    }
    if (at + 8 !== block.heap + to) damaged("an index row has the wrong length");
    checkReference(block, i, limits);
    return;
  }
  checkParts(block, i, at, block.heap + to);
  if ((flags & F_WHITEOUT) !== 0) {
    const side = block.side(i);
    if (
      flags !== F_WHITEOUT || !areZero(u32, row + R_MODE, row + R_SIZE + 2) ||
      !areZero(u32, side, side + 3)
    ) damaged("a whiteout has attributes");
    return;
  }
  const mode = u32[row + R_MODE] as number;
  if ((mode & ~(S_IFMT | 0o7777)) !== 0 || (u32[row + R_NS] as number) >= 1e9) {
    damaged("a mode or a time is out of range");
  }
  checkType(block, i, mode & S_IFMT, flags, limits);
}

function checkType(
  block: Block,
  i: number,
  type: number,
  flags: number,
  limits: CheckLimits,
): void {
  const { u32 } = block;
  const row = block.row(i);
  const low = u32[row + R_SIZE] as number;
  const high = u32[row + R_SIZE + 1] as number;
  const digest = (flags & F_DIGEST) !== 0;
  if (((flags & F_LINK) !== 0) !== (type === S_IFLNK)) damaged("a link target is misplaced");
  if (type === S_IFDIR) {
    if ((flags & F_GROUP) !== 0 || digest !== (low > 0)) {
      damaged("a directory has a link group or a wrong digest");
    }
    checkReference(block, i, limits);
    return;
  }
  if ((flags & MARKS) !== 0) damaged("a mark is misplaced");
  if (type === S_IFREG) {
    if (digest !== (low > 0 || high > 0) || high >= SAFE_HIGH) damaged("a file's size is wrong");
    checkLocator(block, i, high * TWO_32 + low, limits);
    return;
  }
  const side = block.side(i);
  if (digest || !areZero(u32, side, side + 3)) damaged("a node that is not a file has content");
  if (type === S_IFCHR || type === S_IFBLK) {
    if (low >= 1 << 12 || high >= 1 << 20) damaged("a device number is out of range");
  } else if ((type !== S_IFLNK && type !== S_IFIFO) || low !== 0 || high !== 0) {
    damaged("a node has an unknown type");
  }
}

const ONES = 0x0101_0101;
const SLASHES = 0x2f2f_2f2f;

/** Whether one of the four bytes of a word is zero. */
function hasZero(four: number): boolean {
  return ((four - ONES) & ~four & 0x8080_8080) !== 0;
}

/** Checks the name of a row. Returns the index of the word after the name. */
function checkName(block: Block, i: number, at: number, end: number, isRoot: boolean): number {
  const { u8, u32 } = block;
  const length = block.nameLength(i);
  const words = wordsOf(length);
  if (at + words > end || (length === 0) !== isRoot) damaged("a name has the wrong length");
  for (let word = at, left = length; left > 0; word++, left -= 4) {
    let four = u32[word] as number;
    if (left < 4) {
      if (four >>> left * 8 !== 0) damaged("a name is not padded");
      // The padding is zeros. Replace it by bytes of 1, so that only a NUL in the name is found.
      four |= ONES << left * 8;
    }
    if (hasZero(four) || hasZero(four ^ SLASHES)) damaged("a name holds a NUL or a slash");
  }
  const start = at * 4;
  if (u8[start] === 0x2e && (length === 1 || length === 2 && u8[start + 1] === 0x2e)) {
    damaged("a name is . or ..");
  }
  return at + words;
}

/**
 * Checks that a string of `length` bytes fits and is padded with zeros. Returns the index of the
 * word after the string.
 */
function checkString(block: Block, at: number, length: number, end: number): number {
  const words = wordsOf(length);
  if (at + words > end) damaged("a string exceeds its row");
  for (let k = length; k < words * 4; k++) {
    if (block.u8[at * 4 + k] !== 0) damaged("a string is not padded");
  }
  return at + words;
}

function checkParts(block: Block, i: number, at: number, end: number): void {
  const { u32 } = block;
  const flags = block.flags(i);
  const word = (): number => {
    if (at >= end) damaged("a row's heap ends too early");
    return u32[at++] as number;
  };
  if ((flags & F_DIGEST) !== 0) at += 8;
  if ((flags & F_LINK) !== 0) {
    const length = word();
    if (length === 0) damaged("a link target is empty");
    at = checkString(block, at, length, end);
  }
  if ((flags & F_XATTR) !== 0) {
    let before = -1;
    const count = word();
    if (count === 0) damaged("a row is flagged to have xattrs and has none");
    for (let k = 0; k < count; k++) {
      const nameLength = word();
      const valueLength = word();
      const name = at;
      at = checkString(block, name, nameLength, end);
      // The length of the preceding name is two words before that name.
      if (
        before >= 0 &&
        compareNames(u32, before, u32[before - 2] as number, u32, name, nameLength) >= 0
      ) damaged("xattrs are not in order");
      before = name;
      at = checkString(block, at, valueLength, end);
    }
  }
  if ((flags & F_GROUP) !== 0) {
    const length = word();
    if (length === 0) damaged("a link group has no name");
    at = checkString(block, at, length, end);
  }
  if (at !== end) damaged("a row's heap has the wrong length");
}

function checkReference(block: Block, i: number, limits: CheckLimits): void {
  const { u32 } = block;
  const side = block.side(i);
  const row = block.row(i);
  const length = u32[side + 2] as number;
  if ((block.flags(i) & F_DIGEST) === 0) {
    if (!areZero(u32, side, side + 3) || !areZero(u32, row + R_SIZE, row + R_SIZE + 2)) {
      damaged("an empty directory has content");
    }
    return;
  }
  if (u32[side] as number > block.segment.imports.length) damaged("an import is unknown");
  if (u32[side] === 0 && (u32[side + 1] as number) + Math.ceil(length / 8) > limits.units) {
    damaged("an address is outside of the tree");
  }
}

function checkLocator(block: Block, i: number, size: number, limits: CheckLimits): void {
  const { u32 } = block;
  const side = block.side(i);
  const first = u32[side] as number;
  const second = u32[side + 1] as number;
  const third = u32[side + 2] as number;
  const source = first & ~SPARSE;
  if (source > limits.segment.sources.length) damaged("a layer is unknown");
  if (first < SPARSE) {
    if (third >= SAFE_HIGH || (source === 0 || size === 0) && (second !== 0 || third !== 0)) {
      damaged("a locator is out of range");
    }
    return;
  }
  const words = block.length >>> 2;
  const sidesEnd = block.side(block.count) - block.at;
  const isHole = second === 0 && third === 0;
  if (
    source === 0 || !isHole && (second < sidesEnd || second + third * EXTENT_WORDS > words)
  ) {
    damaged("extents are outside of their block");
  }
  let end = 0;
  for (let k = 0; k < third; k++) {
    const at = block.at + second + k * EXTENT_WORDS;
    for (let half = 1; half < EXTENT_WORDS; half += 2) {
      if ((u32[at + half] as number) >= SAFE_HIGH) damaged("an extent is out of range");
    }
    const logical = (u32[at + 1] as number) * TWO_32 + (u32[at] as number);
    const length = (u32[at + 3] as number) * TWO_32 + (u32[at + 2] as number);
    if (logical < end || length === 0 || logical + length > size) damaged("extents overlap");
    end = logical + length;
  }
}

function areZero(u32: Uint32Array, from: number, to: number): boolean {
  for (let k = from; k < to; k++) if (u32[k] !== 0) return false;
  return true;
}
