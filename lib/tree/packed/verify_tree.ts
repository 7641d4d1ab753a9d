import type { Tree } from "../tree.ts";
import type { Block, BlockRef } from "./block.ts";
import { F_DIGEST } from "./format.ts";
import { packed } from "./packed_tree.ts";
import { StoredSegment, verifyBlock } from "./stored_segment.ts";

/** A limit above every address, because `load` itself refuses addresses outside the memory. */
const ANY_UNITS = 2 ** 32;

/**
 * Hashes all blocks of a tree again and checks their form: the order of names, where leaves end,
 * counts and marks.
 *
 * @throws {VarveError} `E_DIGEST` when a hash differs, `E_FORMAT` when the form is wrong
 */
export function verifyTree(tree: Tree): void {
  const { kind, reference, segment } = packed(tree);
  const stack: { block: Block; ref: BlockRef }[] = [
    { block: segment.load(reference), ref: reference },
  ];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { block, ref } = next;
    // A stored segment checks a block when it loads it.
    if (!(block.segment instanceof StoredSegment)) {
      verifyBlock(block, ref, { kind, segment: block.segment, units: ANY_UNITS });
    }
    for (let i = 0; i < block.count; i++) {
      if (!block.isIndex && !block.isDirectory(i)) continue;
      if ((block.flags(i) & F_DIGEST) === 0) continue;
      const child = block.reference(i);
      stack.push({ block: block.childSegment(i).load(child), ref: child });
    }
  }
}
