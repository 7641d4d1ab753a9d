import { packed } from "./packed/packed_tree.ts";
import type { Tree } from "./tree.ts";

/** Bytes of a tree that were written for it: what it shares with those that it was made of does not count. */
export function newBytes(tree: Tree): number {
  return packed(tree).segment.bytes;
}
