import { packed } from "./packed/packed_tree.ts";
import type { Tree } from "./tree.ts";

/**
 * Number of bytes of memory that were written only for this tree, without the blocks that it shares
 * with the trees from which it was made.
 */
export function newBytes(tree: Tree): number {
  return packed(tree).segment.bytes;
}
