import { differenceTree, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * The layer that turns `a` into `b`: `applyLayer(a, diffTrees(a, b))` has the
 * digest of `b`. Equal subtrees are never looked at, new ones are shared.
 *
 * Directories on the way to a change carry their attributes (the root only if
 * they differ), and a link group comes with all its names.
 *
 * @example
 * ```ts
 * import { applyLayer, diffTrees } from "@varve/varve/layer";
 * import { editTree, emptyTree, fromText, rootOf } from "@varve/varve/tree";
 *
 * const a = emptyTree("root");
 * const b = editTree(a, [[fromText("srv"), rootOf(a)]]);
 * if (applyLayer(a, diffTrees(a, b)).digest !== b.digest) throw new Error("not the same");
 * ```
 *
 * @throws {TypeError} when one of them is no root tree
 */
export function diffTrees(a: Tree, b: Tree): Tree {
  expectKind(a, "root");
  expectKind(b, "root");
  return differenceTree(a, b);
}
