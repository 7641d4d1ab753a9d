import type { Tree } from "../tree/mod.ts";
import { OverlayView } from "../tree/internal.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * Looks into the root tree of a chain of layers without making it: for a few paths this costs much
 * less than `foldLayers`, whatever the size of the layers.
 *
 * @param layers layer trees, lowest first
 * @throws {TypeError} when a tree is not a layer tree
 */
export function viewLayers(layers: readonly Tree[]): OverlayView {
  for (const layer of layers) expectKind(layer, "layer");
  return new OverlayView(layers.toReversed());
}
