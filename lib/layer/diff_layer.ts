import { differenceTree, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * The layer tree that turns `a` into `b`: `applyLayer(a, diffLayer(a, b))` has the digest of `b`. Equal
 * subtrees are not read, and new subtrees are shared with `b`.
 *
 * The layer holds the attributes of each directory above a change. It holds the attributes of the
 * root only if they differ. If one name of a link group (the hard links of one inode) changes,
 * the layer holds all names of the group.
 *
 * @example
 * ```ts
 * import { applyLayer, diffLayer } from "@varve/varve/layer";
 * import { editTree, emptyTree, fromText, rootOf } from "@varve/varve/tree";
 *
 * const a = emptyTree("root");
 * const b = editTree(a, [[fromText("srv"), rootOf(a)]]);
 * if (applyLayer(a, diffLayer(a, b)).digest !== b.digest) throw new Error("not the same");
 * ```
 *
 * @throws {TypeError} when `a` or `b` is not a root tree
 */
export function diffLayer(a: Tree, b: Tree): Tree {
  expectKind(a, "root");
  expectKind(b, "root");
  return differenceTree(a, b);
}
