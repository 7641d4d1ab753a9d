import type { Tree, TreeKind } from "../tree.ts";
import { TreeBuilder } from "./tree_builder.ts";

const trees = new Map<TreeKind, Tree>();

/**
 * The tree without entries. Its root is implied in a layer tree; 0755, 0:0, mtime 0 in a root tree.
 */
export function emptyTree(kind: TreeKind): Tree {
  let tree = trees.get(kind);
  if (tree === undefined) trees.set(kind, tree = new TreeBuilder({ kind }).finish(null));
  return tree;
}
