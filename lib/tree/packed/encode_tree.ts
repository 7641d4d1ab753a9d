import { fromText, writeBytes } from "../../bytes/mod.ts";
import { createHasher, type Digest } from "../../digest/mod.ts";
import type { Tree } from "../tree.ts";
import { type Arena, PAGE_BYTES } from "./arena.ts";
import { copyWords, hashWords } from "./block_writer.ts";
import { compactTree } from "./compact.ts";
import { FOOTER_WORDS, HEADER_BYTES, MAGIC, TAIL_BYTES, VERSION } from "./file_format.ts";
import { TWO_32, wordsOf } from "./format.ts";
import type { MemorySegment } from "./memory_segment.ts";
import { packed, type PackedTree } from "./packed_tree.ts";
import { StoredSegment } from "./stored_segment.ts";
import { WholeSegment } from "./whole_segment.ts";

/**
 * Encodes a tree as pieces of bytes that are written one after another. {@linkcode openTree} and
 * {@linkcode decodeTree} read them. Most pieces are views of the tree's own memory: do not change
 * them.
 *
 * @example
 * ```ts
 * import { decodeTree, emptyTree, encodeTree } from "@varve/varve/tree";
 *
 * const tree = emptyTree("root");
 * const file = new Uint8Array(await new Blob(encodeTree(tree)).arrayBuffer());
 * if (decodeTree(file).digest !== tree.digest) throw new Error("not the same");
 * ```
 */
export function encodeTree(tree: Tree): Uint8Array<ArrayBuffer>[] {
  let whole: PackedTree = packed(tree);
  if (whole.segment instanceof StoredSegment || whole.segment.imports.length > 0) {
    whole = compactTree(whole);
  }
  const { segment } = whole;
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  new DataView(header.buffer).setUint32(8, VERSION, true);
  const pages = segment instanceof WholeSegment
    ? [segment.pages]
    : pagesOf((segment as MemorySegment).arena);
  const bytes = pages.reduce((sum, page) => sum + page.length, 0);
  return [header, ...pages, footerOf(whole, segment.sources.map(fromText), bytes)];
}

/**
 * Writes an encoded tree piece by piece, in the pieces of {@linkcode encodeTree}.
 *
 * @returns the digest of all bytes; with it, {@linkcode decodeTree} can skip its checks
 *
 * @example
 * ```ts
 * import { decodeTree, emptyTree, writeTreeFile } from "@varve/varve/tree";
 *
 * const pieces: Uint8Array<ArrayBuffer>[] = [];
 * const sum = writeTreeFile(emptyTree("root"), (bytes) => pieces.push(bytes.slice()));
 * const file = new Uint8Array(await new Blob(pieces).arrayBuffer());
 * if (decodeTree(file, sum).count !== 0) throw new Error("not empty");
 * ```
 */
export function writeTreeFile(tree: Tree, write: (bytes: Uint8Array) => void): Digest {
  const hasher = createHasher();
  for (const bytes of encodeTree(tree)) {
    hasher.update(bytes);
    write(bytes);
  }
  return hasher.digest();
}

function pagesOf({ pages }: Arena): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < pages.length;) {
    const page = pages[i]?.u8 as Uint8Array<ArrayBuffer>;
    pieces.push(page);
    // Addresses count whole pages, so a page that is followed by another is filled up with zeros.
    const slots = Math.max(1, Math.ceil(page.length / PAGE_BYTES));
    i += slots;
    const gap = slots * PAGE_BYTES - page.length;
    if (i < pages.length && gap > 0) pieces.push(new Uint8Array(gap));
  }
  return pieces;
}

function footerOf(
  tree: PackedTree,
  sources: readonly ReturnType<typeof fromText>[],
  bytes: number,
): Uint8Array<ArrayBuffer> {
  let words = FOOTER_WORDS;
  for (const source of sources) words += 1 + wordsOf(source.length);
  const u32 = new Uint32Array(words + (TAIL_BYTES >>> 2));
  const u8 = new Uint8Array(u32.buffer);
  u32[0] = tree.kind === "root" ? 0 : 1;
  u32[1] = tree.reference.address;
  u32[2] = tree.reference.length;
  copyWords(tree.reference.digest, 0, u32, 3, 8);
  u32[11] = bytes >>> 0;
  u32[12] = Math.floor(bytes / TWO_32);
  u32[13] = sources.length;
  let at = FOOTER_WORDS;
  for (const source of sources) {
    u32[at] = source.length;
    writeBytes(source, u8, (at + 1) << 2);
    at += 1 + wordsOf(source.length);
  }
  hashWords(u8.subarray(0, words << 2), u32, at);
  u32[at + 8] = words << 2;
  u32[at + 9] = VERSION;
  u8.set(MAGIC, (at + 10) << 2);
  return u8;
}
