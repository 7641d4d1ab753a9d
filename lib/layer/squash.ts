import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * Joins several layer trees into one layer tree. Applied to any base, it has the same result as the
 * layers applied one after another.
 *
 * A single layer cannot express one thing: the attributes of an implied directory that replaces a
 * symbolic link, or is below such a directory. Layers that are applied one after another take these
 * attributes from the directory that the link leads to. The squashed layer differs if the link is
 * in one of these layers, or leads to a directory that one of them changes. The attributes are then
 * those of the directory that the base's link at that path leads to. Without such a link they are
 * 0755, 0:0 and mtime 0.
 *
 * @param layers layer trees, lowest first
 * @throws {TypeError} when a tree is not a layer tree
 */
export function squashLayers(layers: readonly Tree[]): Tree {
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees(layers.toReversed(), "layer");
}
