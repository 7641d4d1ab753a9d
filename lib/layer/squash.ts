import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * One layer tree that does what several do, lowest first: applied to any base
 * it gives what they give one after another.
 *
 * One thing cannot be said in one layer: the attributes of an implied directory
 * that stands over a symbolic link, or below one that does, where the link is of
 * one of these layers, or leads to what one of them changes. Over a link of the
 * base they are those of what it leads to there, else 0755, 0:0 and mtime 0.
 *
 * @throws {TypeError} when one of them is no layer tree
 */
export function squashLayers(layers: readonly Tree[]): Tree {
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees(layers.toReversed(), "layer");
}
