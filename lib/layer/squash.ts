import { finishSteps } from "../tree/internal.ts";
import type { Tree } from "../tree/mod.ts";
import { squashSteps } from "./squash_steps.ts";

/**
 * Joins several layer trees into one layer tree. Applied to any base, it has the same result as the
 * layers applied one after another.
 *
 * There is one exception: an implied directory that replaces a symbolic link, and the implied
 * directories below it. When layers are applied one after another, such a directory takes its
 * attributes from the directory that the link leads to. A single layer cannot express this if the
 * link is in one of `layers`, or leads to a directory that one of them changes. The result then
 * differs: the attributes come from the directory that the link of the base at that path leads to.
 * If the base has no link there, they are 0755, 0:0 and mtime 0.
 *
 * @param layers layer trees, lowest first
 * @throws {TypeError} when a tree is not a layer tree
 */
export function squashLayers(layers: readonly Tree[]): Tree {
  return finishSteps(squashSteps(layers));
}
