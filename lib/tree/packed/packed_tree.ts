import { toHex } from "../../bytes/mod.ts";
import type { TreeDigest } from "../../digest/mod.ts";
import type { Tree, TreeKind } from "../tree.ts";
import type { Block, BlockRef, Segment } from "./block.ts";
import { O_ADDRESS, O_DIGEST, O_LENGTH, RESULT_WORDS } from "./block_writer.ts";
import type { DirectoryWriter } from "./directory_writer.ts";
import { R_SIZE } from "./format.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/**
 * The only implementation of {@linkcode Tree}. Its root is a block of one row without a name, which
 * holds the attributes of the root directory; the child of that row is the block of its entries.
 */
export class PackedTree implements Tree {
  readonly kind: TreeKind;
  readonly digest: TreeDigest;
  readonly count: number;
  /** The segment that holds the root block. */
  readonly segment: Segment;
  /** The reference to the root block. */
  readonly reference: BlockRef;
  /** Estimated size of the blocks of this tree in bytes. */
  live: number;
  /** Upper bound of the bytes that the segments of this tree retain, including garbage. */
  retained: number;

  constructor(
    kind: TreeKind,
    segment: Segment,
    address: number,
    length: number,
    hash: Uint32Array,
  ) {
    this.kind = kind;
    this.segment = segment;
    this.reference = {
      parent: null,
      row: 0,
      address,
      length,
      digest: hash,
      digestAt: 0,
      count: 0,
      linked: 0,
      marked: 0,
    };
    const bytes = new Uint8Array(hash.buffer, hash.byteOffset, 32);
    this.digest = `sha256:${toHex(bytes)}` as TreeDigest;
    this.live = segment.bytes;
    this.retained = segment.bytes;
    const root = this.root();
    this.count = root.u32[root.row(0) + R_SIZE] as number;
  }

  /** Loads the root block. */
  root(): Block {
    return this.segment.load(this.reference);
  }
}

/**
 * Returns a tree as its implementation.
 *
 * @throws {TypeError} when this library did not make the tree
 */
export function packed(tree: Tree): PackedTree {
  if (tree instanceof PackedTree) return tree;
  throw new TypeError("Cannot read tree: it was not made by this library (did it cross a thread?)");
}

/**
 * Ends a segment and makes its tree. `row` is the writer of the root block; it holds the row of the
 * root.
 */
export function sealTree(kind: TreeKind, segment: SegmentWriter, row: DirectoryWriter): PackedTree {
  const result = new Uint32Array(RESULT_WORDS);
  row.finish(result, 0);
  return new PackedTree(
    kind,
    segment.seal(),
    result[O_ADDRESS] as number,
    result[O_LENGTH] as number,
    result.slice(O_DIGEST, O_DIGEST + 8),
  );
}
