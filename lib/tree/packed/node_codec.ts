import {
  type ByteString,
  fromBytes,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  writeBytes,
} from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Extent, Locator, Node, NodeType, Xattr } from "../node.ts";
import type { Block } from "./block.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_GROUP,
  F_IMPLIED,
  F_LINK,
  F_OPAQUE,
  F_WHITEOUT,
  F_XATTR,
  R_GID,
  R_MODE,
  R_MTIME,
  R_NAME,
  R_NS,
  R_SIZE,
  R_UID,
  SPARSE,
  TWO_32,
  wordsOf,
} from "./format.ts";

const WHITEOUT: Node = { type: "whiteout" };

/** The node type of a row, by its mode and flags. */
export function typeOfRow(mode: number, flags: number): NodeType {
  if (flags & F_WHITEOUT) return "whiteout";
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    default:
      return "fifo";
  }
}

/** The `st_mode` of a node: type and permission bits; 0 for a whiteout. */
export function modeOf(node: Node): number {
  switch (node.type) {
    case "whiteout":
      return 0;
    case "file":
      return S_IFREG | (node.mode & 0o7777);
    case "directory":
      return S_IFDIR | (node.mode & 0o7777);
    case "symlink":
      return S_IFLNK | (node.mode & 0o7777);
    case "char":
      return S_IFCHR | (node.mode & 0o7777);
    case "block":
      return S_IFBLK | (node.mode & 0o7777);
    case "fifo":
      return S_IFIFO | (node.mode & 0o7777);
  }
}

/**
 * Decodes a node.
 *
 * @param row words that hold the row, from index `r` on
 * @param u8 the heap as bytes
 * @param u32 the heap as words
 * @param at index in `u32` of the first part after the name
 */
export function decodeNode(
  row: Uint32Array,
  r: number,
  u8: Uint8Array,
  u32: Uint32Array,
  at: number,
  locator: Locator | null,
): Node {
  const flags = (row[r + R_NAME] as number) >>> 16;
  if (flags & F_WHITEOUT) return WHITEOUT;
  let digest: Uint8Array | null = null;
  if (flags & F_DIGEST) {
    digest = u8.slice(at << 2, (at << 2) + 32);
    at += 8;
  }
  let target = "" as ByteString;
  if (flags & F_LINK) {
    const length = u32[at++] as number;
    target = fromBytes(u8, at << 2, (at << 2) + length);
    at += wordsOf(length);
  }
  const xattrs: Xattr[] = [];
  if (flags & F_XATTR) {
    for (let left = u32[at++] as number; left > 0; left--) {
      const nameLength = u32[at++] as number;
      const valueLength = u32[at++] as number;
      const name = fromBytes(u8, at << 2, (at << 2) + nameLength);
      at += wordsOf(nameLength);
      const value = fromBytes(u8, at << 2, (at << 2) + valueLength);
      at += wordsOf(valueLength);
      xattrs.push({ name, value });
    }
  }
  let group: ByteString | null = null;
  if (flags & F_GROUP) {
    const length = u32[at++] as number;
    group = fromBytes(u8, at << 2, (at << 2) + length);
  }
  const st = row[r + R_MODE] as number;
  const mode = st & 0o7777;
  const uid = row[r + R_UID] as number;
  const gid = row[r + R_GID] as number;
  const mtime = {
    lo: row[r + R_MTIME] as number,
    hi: (row[r + R_MTIME + 1] as number) | 0,
    ns: row[r + R_NS] as number,
  };
  const lo = row[r + R_SIZE] as number;
  const hi = row[r + R_SIZE + 1] as number;
  switch (st & S_IFMT) {
    case S_IFREG:
      return {
        type: "file",
        mode,
        uid,
        gid,
        mtime,
        xattrs,
        group,
        size: hi * TWO_32 + lo,
        digest,
        locator,
      };
    case S_IFDIR:
      return {
        type: "directory",
        mode,
        uid,
        gid,
        mtime,
        xattrs,
        opaque: (flags & F_OPAQUE) !== 0,
        implied: (flags & F_IMPLIED) !== 0,
      };
    case S_IFLNK:
      return { type: "symlink", mode, uid, gid, mtime, xattrs, group, target };
    case S_IFCHR:
    case S_IFBLK: {
      const type = (st & S_IFMT) === S_IFCHR ? "char" : "block";
      return { type, mode, uid, gid, mtime, xattrs, group, major: lo, minor: hi };
    }
    default:
      return { type: "fifo", mode, uid, gid, mtime, xattrs, group };
  }
}

/**
 * Decodes a locator from the three words of a side.
 *
 * @param u32 words that hold the extents, from index `extentsAt` on
 */
export function decodeLocator(
  sources: readonly DiffId[],
  size: number,
  source: number,
  second: number,
  third: number,
  u32: Uint32Array,
  extentsAt: number,
): Locator | null {
  const index = source & ~SPARSE;
  if (index === 0) return null;
  const diffId = sources[index - 1] as DiffId;
  if ((source >>> 31) === 0) {
    if (size === 0) return { source: diffId, extents: [] };
    return {
      source: diffId,
      extents: [{ logical: 0, length: size, position: third * TWO_32 + second }],
    };
  }
  const extents: Extent[] = [];
  for (let i = 0; i < third; i++) {
    const at = extentsAt + i * EXTENT_WORDS;
    extents.push({
      logical: (u32[at + 1] as number) * TWO_32 + (u32[at] as number),
      length: (u32[at + 3] as number) * TWO_32 + (u32[at + 2] as number),
      position: (u32[at + 5] as number) * TWO_32 + (u32[at + 4] as number),
    });
  }
  return { source: diffId, extents };
}

/** Decodes the node of row `i` of a block. */
export function nodeAt(block: Block, i: number): Node {
  const u32 = block.u32;
  const row = block.row(i);
  let locator: Locator | null = null;
  if (block.type(i) === S_IFREG) {
    const side = block.side(i);
    const source = u32[side] as number;
    if (source !== 0) {
      const second = u32[side + 1] as number;
      const size = (u32[row + R_SIZE + 1] as number) * TWO_32 + (u32[row + R_SIZE] as number);
      locator = decodeLocator(
        block.segment.sources,
        size,
        source,
        second,
        u32[side + 2] as number,
        u32,
        block.at + second,
      );
    }
  }
  const at = block.heapAt(i) + wordsOf(block.nameLength(i));
  return decodeNode(u32, row, block.u8, u32, at, locator);
}

/** Encodes extents as words, from index `at` of `u32` on. */
export function encodeExtents(extents: readonly Extent[], u32: Uint32Array, at: number): void {
  for (const extent of extents) {
    for (const value of [extent.logical, extent.length, extent.position]) {
      u32[at++] = value >>> 0;
      u32[at++] = Math.floor(value / TWO_32);
    }
  }
}

/** Number of words of the tail of a node in the heap: link target, xattrs, link group. */
export function tailWords(node: Node, group: ByteString | null): number {
  if (node.type === "whiteout") return 0;
  let words = node.type === "symlink" ? 1 + wordsOf(node.target.length) : 0;
  if (node.xattrs.length > 0) {
    words++;
    for (const { name, value } of node.xattrs) {
      words += 2 + wordsOf(name.length) + wordsOf(value.length);
    }
  }
  return group === null ? words : words + 1 + wordsOf(group.length);
}

function putString(
  value: ByteString,
  u8: Uint8Array,
  u32: Uint32Array,
  at: number,
): number {
  const words = wordsOf(value.length);
  if (words > 0) u32[at + words - 1] = 0;
  writeBytes(value, u8, at << 2);
  return at + words;
}

/** Encodes the tail of a node from index `at` of `u32` on. Returns the flags of its parts. */
export function encodeTail(
  node: Node,
  group: ByteString | null,
  u8: Uint8Array,
  u32: Uint32Array,
  at: number,
): number {
  if (node.type === "whiteout") return 0;
  let flags = 0;
  if (node.type === "symlink") {
    flags |= F_LINK;
    u32[at++] = node.target.length;
    at = putString(node.target, u8, u32, at);
  }
  if (node.xattrs.length > 0) {
    flags |= F_XATTR;
    u32[at++] = node.xattrs.length;
    for (const { name, value } of sortedXattrs(node.xattrs)) {
      u32[at++] = name.length;
      u32[at++] = value.length;
      at = putString(name, u8, u32, at);
      at = putString(value, u8, u32, at);
    }
  }
  if (group !== null) {
    flags |= F_GROUP;
    u32[at++] = group.length;
    putString(group, u8, u32, at);
  }
  return flags;
}

/** Sorts xattrs by name. Their order is hashed, so it must not depend on the caller. */
function sortedXattrs(xattrs: readonly Xattr[]): readonly Xattr[] {
  for (let i = 1; i < xattrs.length; i++) {
    const before = (xattrs[i - 1] as Xattr).name;
    const name = (xattrs[i] as Xattr).name;
    if (before < name) continue;
    const sorted = xattrs.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    if (sorted.some((x, j) => j > 0 && x.name === sorted[j - 1]?.name)) {
      throw new RangeError("Cannot take node: two of its xattrs have the same name");
    }
    return sorted;
  }
  return xattrs;
}
