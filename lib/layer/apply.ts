import type { Tree } from "../tree/mod.ts";
import { foldLayers } from "./fold.ts";

/**
 * Applies a layer to a root tree. The result is the root tree that a mount of the layer on `base` shows.
 *
 * Whiteouts and opaque directories hide what `base` has. Implied directories take their attributes
 * from `base`. If `base` lacks the directory, they are 0755, 0:0 and mtime 0. If some hard
 * links of an inode are hidden or replaced, the `group` of its other names is updated. The cost depends
 * on the changes of the layer. The result shares all other subtrees with `base` and `layer`.
 *
 * Source: image-spec, layer.md, "Applying Changesets".
 *
 * @example
 * ```ts
 * import { applyLayer } from "@varve/varve/layer";
 * import { emptyTree } from "@varve/varve/tree";
 *
 * const root = applyLayer(emptyTree("root"), emptyTree("layer"));
 * if (root.digest !== emptyTree("root").digest) throw new Error("an empty layer changes nothing");
 * ```
 *
 * @throws {TypeError} when `base` is not a root tree or `layer` is not a layer tree
 */
export function applyLayer(base: Tree, layer: Tree): Tree {
  return foldLayers([layer], base);
}
