import { overlaySteps, type Steps } from "../tree/internal.ts";
import type { Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/**
 * Does the same as `foldLayers`, in steps. Between two steps, the caller can check whether the
 * result is still wanted.
 */
export function* foldSteps(layers: readonly Tree[], base?: Tree): Steps<Tree> {
  if (base !== undefined) expectKind(base, "root");
  for (const layer of layers) expectKind(layer, "layer");
  const trees = [...layers.toReversed(), ...base === undefined ? [] : [base]];
  return yield* overlaySteps(trees, "root");
}
