import { overlayTrees, type Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * Makes one layer tree of several. Applied to any base, it has the
 * same result as the layers one after another.
 *
 * A single layer cannot express one thing: the attributes of an implied directory that replaces a
 * symbolic link, or is below such a directory. Layers one after another take them from the directory that
 * the link leads to. The squashed layer differs if the link is in one of these layers, or leads to
 * something that one of them changes. It then takes them from where the base's link of that path leads;
 * without such a link they are 0755, 0:0 and mtime 0.
 *
 * @param layers layer trees, lowest first
 * @throws {TypeError} when one of them is not a layer tree
 */
export function squashLayers(layers: readonly Tree[]): Tree {
  for (const layer of layers) expectKind(layer, "layer");
  return overlayTrees(layers.toReversed(), "layer");
}
