import { packed } from "./packed/packed_tree.ts";
import type { Tree } from "./tree.ts";

/**
 * Bytes of memory that were written for this tree alone, without the blocks that it shares with the
 * trees it was made from.
 */
export function newBytes(tree: Tree): number {
  return packed(tree).segment.bytes;
}
