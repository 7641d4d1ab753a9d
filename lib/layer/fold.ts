import { finishSteps } from "../tree/internal.ts";
import type { Tree } from "../tree/mod.ts";
import { foldSteps } from "./fold_steps.ts";

/**
 * The root tree of a chain of layers. The result is the same as that of {@linkcode applyLayer} with
 * one layer after another, but needs only one pass over all layers.
 *
 * @param layers layer trees, lowest first
 * @param base root tree below the layers; empty by default
 * @throws {TypeError} when a tree of `layers` is not a layer tree, or `base` is not a root tree
 */
export function foldLayers(layers: readonly Tree[], base?: Tree): Tree {
  return finishSteps(foldSteps(layers, base));
}
