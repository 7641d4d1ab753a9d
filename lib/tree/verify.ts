import type { Block } from "./block.ts";
import { packed, type PackedTree } from "./packed.ts";
import { type BlockRef, MemorySegment } from "./segment.ts";
import { verifyBlock } from "./stored_segment.ts";
import type { Tree } from "./tree.ts";

/** Addresses in memory are trusted: what would be outside has no page. */
const ANY_UNITS = 2 ** 32;

/**
 * Hashes all of a tree again and checks its form: order, cuts, counts, marks.
 *
 * @throws {VarveError} `E_DIGEST` when a hash differs, `E_FORMAT` when the form is wrong
 */
export function verifyTree(tree: Tree): void {
  verifyBlocks(packed(tree), () => {});
}

/** Verifies and tells each reference. */
export function verifyBlocks(tree: PackedTree, tell: (ref: BlockRef) => void): void {
  const { kind, reference, segment } = tree;
  const stack: { block: Block; ref: BlockRef }[] = [
    { block: segment.load(reference), ref: reference },
  ];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { block, ref } = next;
    tell(ref);
    // A stored segment has checked the block when it gave it.
    if (block.segment instanceof MemorySegment) {
      verifyBlock(block, ref, { kind, segment: block.segment, units: ANY_UNITS });
    }
    for (let i = 0; i < block.count; i++) {
      if (!block.isIndex && !block.isDirectory(i)) continue;
      const child = block.child(i);
      if (child !== null) stack.push({ block: child, ref: block.reference(i) });
    }
  }
}
