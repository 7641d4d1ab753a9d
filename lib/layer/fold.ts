import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./_kinds.ts";

/**
 * The root tree of a chain of layers, lowest first: what applying them one
 * after another gives, but in one pass over all of them.
 *
 * @throws {TypeError} when one of them is no layer tree
 */
export function foldLayers(layers: readonly Tree[]): Tree {
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees(layers.toReversed(), "root");
}
