/** The explorer, without turns of the event loop. */
import { type ExploredLayer, exploreLayers, type ExploreReport } from "../../../lib/explore/mod.ts";
import { finishSteps } from "../../../lib/tree/internal.ts";
import type { Tree } from "../../../lib/tree/mod.ts";

/** Explores layers, lowest first. */
export function explore(
  layers: readonly (Pick<ExploredLayer, "tree"> & Partial<ExploredLayer>)[],
): ExploreReport {
  return finishSteps(exploreLayers(layers.map((layer) => ({ diffId: null, ...layer }))));
}

/** Explores layer trees, lowest first. */
export function exploreTrees(trees: readonly Tree[]): ExploreReport {
  return explore(trees.map((tree) => ({ tree })));
}
