import { type ByteString, writeBytes } from "../../bytes/mod.ts";
import type { Locator, Node } from "../node.ts";
import { O_ADDRESS, O_COUNT, O_DIGEST, O_LENGTH, O_LINKED, O_MARKED } from "./block_writer.ts";
import type { DirectoryWriter } from "./directory_writer.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_IMPLIED,
  F_OPAQUE,
  F_WHITEOUT,
  P_ERASE,
  R_GID,
  R_MODE,
  R_MTIME,
  R_NAME,
  R_NS,
  R_SIZE,
  R_UID,
  ROW_WORDS,
  SPARSE,
  TWO_32,
  wordsOf,
} from "./format.ts";
import { encodeExtents, encodeTail, modeOf, tailWords } from "./node_codec.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/**
 * Writes a node as the next row of a directory.
 *
 * @param node the node; null, in a patch, for a row that removes the name
 * @param group link group of the row, in place of the node's own
 * @param extraFlags `P_…` flags of a patch
 * @param child for a directory, the result (`O_…`) that stands for the block of its entries; not used
 * for other types
 */
export function writeNode(
  writer: DirectoryWriter,
  segment: SegmentWriter,
  name: ByteString,
  node: Node | null,
  group: ByteString | null,
  extraFlags: number,
  child: Uint32Array,
): void {
  const row = new Uint32Array(ROW_WORDS);
  const packedName = new Uint32Array(wordsOf(name.length));
  writeBytes(name, new Uint8Array(packedName.buffer), 0);
  let flags = extraFlags;
  if (node === null) {
    flags |= P_ERASE;
  } else if (node.type === "whiteout") {
    flags |= F_WHITEOUT;
  } else {
    row[R_MODE] = modeOf(node);
    row[R_UID] = node.uid;
    row[R_GID] = node.gid;
    row[R_MTIME] = node.mtime.lo;
    row[R_MTIME + 1] = node.mtime.hi;
    row[R_NS] = node.mtime.ns;
  }
  if (node?.type === "directory") {
    if (node.opaque) flags |= F_OPAQUE;
    if (node.implied) flags |= F_IMPLIED;
    flags |= child[O_MARKED] as number;
    row[R_SIZE] = child[O_COUNT] as number;
    row[R_SIZE + 1] = child[O_LINKED] as number;
  } else if (node?.type === "file") {
    row[R_SIZE] = node.size >>> 0;
    row[R_SIZE + 1] = Math.floor(node.size / TWO_32);
  } else if (node?.type === "char" || node?.type === "block") {
    row[R_SIZE] = node.major;
    row[R_SIZE + 1] = node.minor;
  }
  writer.beginNamed(row, 0, packedName, 0, name.length);
  if (node?.type === "directory" && child[O_LENGTH] !== 0) {
    flags |= F_DIGEST;
    writer.part(child, O_DIGEST, 8);
  } else if (node?.type === "file" && node.size > 0) {
    if (node.digest?.length !== 32) {
      throw new RangeError(
        "Cannot write node: a file that is not empty needs a digest of 32 bytes",
      );
    }
    flags |= F_DIGEST;
    writer.part(new Uint32Array(node.digest.slice().buffer), 0, 8);
  }
  if (node !== null) {
    const tail = new Uint32Array(tailWords(node, group));
    flags |= encodeTail(node, group, new Uint8Array(tail.buffer), tail, 0);
    writer.part(tail, 0, tail.length);
  }
  writer.rows[writer.row + R_NAME] = (name.length | (flags << 16)) >>> 0;
  if (node?.type === "directory") {
    writer.end(0, child[O_ADDRESS] as number, child[O_LENGTH] as number);
  } else if (node?.type === "file" && node.locator !== null) {
    endFile(writer, segment.source(node.locator.source), node.size, node.locator);
  } else {
    writer.end(0, 0, 0);
  }
}

function endFile(writer: DirectoryWriter, source: number, size: number, locator: Locator): void {
  const { extents } = locator;
  const only = extents[0];
  if (size === 0 && only === undefined) {
    writer.end(source, 0, 0);
  } else if (extents.length === 1 && only?.logical === 0 && only.length === size) {
    writer.end(source, only.position >>> 0, Math.floor(only.position / TWO_32));
  } else {
    const words = new Uint32Array(extents.length * EXTENT_WORDS);
    encodeExtents(extents, words, 0);
    writer.end((source | SPARSE) >>> 0, writer.extents(words, 0, words.length), extents.length);
  }
}
