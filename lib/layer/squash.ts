import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./_kinds.ts";

/**
 * One layer tree that does what several do, lowest first: applied to any base
 * it gives what they give one after another.
 *
 * One thing cannot be said in one layer: an implied directory below one that a
 * lower of these layers put over the base's symbolic link. It then takes what
 * the link leads to.
 *
 * @throws {TypeError} when one of them is no layer tree
 */
export function squashLayers(layers: readonly Tree[]): Tree {
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees(layers.toReversed(), "layer");
}
