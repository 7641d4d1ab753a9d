import { fromBytes } from "../../bytes/mod.ts";
import { type DiffId, type Digest, isDigest, sha256 } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Tree, TreeKind } from "../tree.ts";
import type { Segment } from "./block.ts";
import { hashWords } from "./block_writer.ts";
import { damaged } from "./damaged.ts";
import {
  FOOTER_WORDS,
  HEADER_BYTES,
  MAGIC,
  MAX_FOOTER_BYTES,
  TAIL_BYTES,
  VERSION,
} from "./file_format.ts";
import { HEADER_WORDS, ROW_WORDS, TWO_32, wordsOf } from "./format.ts";
import { PackedTree } from "./packed_tree.ts";
import { type OnDamage, StoredSegment, type TreeSource, withDamage } from "./stored_segment.ts";
import { verifyTree } from "./verify_tree.ts";
import { WholeSegment } from "./whole_segment.ts";

/** Bytes of the first read. They include the whole footer and tail of nearly every tree. */
const FIRST_READ = 4096;

/**
 * Opens a stored tree. The call reads only the footer and the root. Every other block is read when
 * it is needed. Each block is checked when it is read, so later calls with the tree can throw the
 * same errors.
 *
 * @param onDamage replaces these errors, for a caller that can say which file is damaged
 * @throws {VarveError} `E_FORMAT` when the file is damaged or has another version (derive the tree
 * from its layer again); `E_DIGEST` when a hash differs
 */
export function openTree(source: TreeSource, onDamage: OnDamage = (error) => error): Tree {
  const open: OpenSegment = (kind, sources, bytes) =>
    new StoredSegment(kind, sources, source, HEADER_BYTES, bytes, onDamage);
  return withDamage(onDamage, () => openWith(source, open));
}

function openWith(source: TreeSource, open: OpenSegment): PackedTree {
  const { size } = source;
  if (!(size >= HEADER_BYTES + TAIL_BYTES + FOOTER_WORDS * 4)) damaged("the file is too short");
  let tail = read(source, Math.max(0, size - FIRST_READ), Math.min(size, FIRST_READ));
  checkMagic(tail, tail.length - MAGIC.length);
  const end = new DataView(tail.buffer, tail.byteOffset + tail.length - TAIL_BYTES, TAIL_BYTES);
  const version = end.getUint32(36, true);
  if (version !== VERSION) damaged(`it has version ${version}, not ${VERSION}`);
  const footerBytes = end.getUint32(32, true);
  const wanted = footerBytes + TAIL_BYTES;
  if (
    footerBytes < FOOTER_WORDS * 4 || footerBytes > MAX_FOOTER_BYTES || footerBytes % 4 !== 0 ||
    wanted + HEADER_BYTES > size
  ) damaged("its footer has an impossible length");
  if (wanted > tail.length) tail = read(source, size - wanted, wanted);
  const footer = tail.slice(tail.length - wanted);
  const header = read(source, 0, HEADER_BYTES);
  checkMagic(header, 0);
  return openFooter(source, new Uint32Array(footer.buffer), footer, footerBytes, open);
}

/** Makes the segment that a footer describes. */
type OpenSegment = (kind: TreeKind, sources: readonly DiffId[], bytes: number) => Segment;

function openFooter(
  source: TreeSource,
  u32: Uint32Array<ArrayBuffer>,
  u8: Uint8Array,
  bytes: number,
  open: OpenSegment,
): PackedTree {
  const words = bytes >>> 2;
  const hash = new Uint32Array(8);
  hashWords(u8.subarray(0, bytes), hash, 0);
  for (let i = 0; i < 8; i++) if (hash[i] !== u32[words + i]) damaged("its footer's hash differs");
  const pages = (u32[12] as number) * TWO_32 + (u32[11] as number);
  if ((u32[0] as number) > 1) damaged("its kind is unknown");
  if (HEADER_BYTES + pages + bytes + TAIL_BYTES !== source.size) damaged("its size differs");
  const kind = u32[0] === 0 ? "root" : "layer";
  const sources = readSources(u32, u8, words);
  const segment = open(kind, sources, pages);
  const tree = new PackedTree(
    kind,
    segment,
    u32[1] as number,
    u32[2] as number,
    u32.slice(3, 11),
  );
  tree.live = tree.retained = pages;
  // Each entry takes at least the bytes of its row. A file that claims more entries must refer to
  // the same blocks again and again. Such a file is refused, because a small one could stand for a
  // tree of any size.
  if (tree.count * ROW_WORDS * 4 > pages - HEADER_WORDS * 4) {
    damaged("it claims more entries than fit into it");
  }
  return tree;
}

function readSources(u32: Uint32Array, u8: Uint8Array, words: number): DiffId[] {
  const sources: DiffId[] = [];
  let at = FOOTER_WORDS;
  for (let left = u32[13] as number; left > 0; left--) {
    const length = at < words ? u32[at] as number : 0;
    const next = at + 1 + wordsOf(length);
    if (length === 0 || next > words) damaged("its footer ends too early");
    const source: string = fromBytes(u8, (at + 1) << 2, ((at + 1) << 2) + length);
    if (!isDigest(source)) damaged("the name of a layer is not a digest");
    sources.push(source as DiffId);
    at = next;
  }
  if (at !== words) damaged("its footer is longer than its contents");
  return sources;
}

/**
 * Decodes a stored tree from memory and checks all of it at once. The bytes become part of the tree
 * and must not change afterwards.
 *
 * @param written the digest that {@linkcode writeTreeFile} returned for these bytes. When it matches,
 * the check of every entry is skipped, because this library wrote the bytes
 * @throws {VarveError} `E_FORMAT` when the bytes are damaged or have another version; `E_DIGEST`
 * when a hash differs
 */
export function decodeTree(bytes: Uint8Array, written?: Digest): Tree {
  if (written !== undefined) {
    const actual = sha256(bytes);
    if (actual !== written) {
      throw new VarveError("E_DIGEST", "Cannot read tree: the hash of its file differs", {
        expected: written,
        actual,
        hint: "derive the tree from its layer again",
      });
    }
  }
  // A view of words must begin at a multiple of 4.
  const own = (bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>;
  const source: TreeSource = {
    size: own.length,
    readSync: (offset, length) => own.subarray(offset, offset + length),
  };
  const tree = openWith(
    source,
    (_, sources, bytes) =>
      new WholeSegment(sources, own.subarray(HEADER_BYTES, HEADER_BYTES + bytes)),
  );
  if (written === undefined) verifyTree(tree);
  return tree;
}

function read(source: TreeSource, offset: number, length: number): Uint8Array {
  const bytes = source.readSync(offset, length);
  if (bytes.length !== length) damaged("the file is shorter than its stated size");
  return bytes;
}

function checkMagic(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[at + i] !== MAGIC[i]) damaged("it is not a stored tree");
  }
}
