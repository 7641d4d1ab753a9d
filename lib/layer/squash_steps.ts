import { overlaySteps, type Steps } from "../tree/internal.ts";
import type { Tree } from "../tree/mod.ts";
import { expectKind } from "./expect_kind.ts";

/** Does the same as `squashLayers`, in steps, as `foldSteps` does. */
export function* squashSteps(layers: readonly Tree[]): Steps<Tree> {
  for (const layer of layers) expectKind(layer, "layer");
  return yield* overlaySteps(layers.toReversed(), "layer");
}
