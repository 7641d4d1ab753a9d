import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * The root tree of a chain of layers, lowest first: what applying them one
 * after another gives, but in one pass over all of them.
 *
 * @param base the root tree of the chain that they lie on, where that is known
 * @throws {TypeError} when one of them is no layer tree, or `base` no root tree
 */
export function foldLayers(layers: readonly Tree[], base?: Tree): Tree {
  if (base !== undefined) expectKind(base, "root");
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees([...layers.toReversed(), ...base === undefined ? [] : [base]], "root");
}
