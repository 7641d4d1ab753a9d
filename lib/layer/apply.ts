import type { Tree } from "../tree/mod.ts";
import { foldLayers } from "./fold.ts";

/**
 * Applies a layer: the root tree that shows when the layer lies on `base`.
 *
 * Whiteouts and opaque directories hide, implied directories take their
 * attributes from below (0755, 0:0, mtime 0 where there is nothing), and link
 * groups that lose names are labelled anew. It costs what the layer changes;
 * the rest is shared with both trees.
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
 * @throws {TypeError} when `base` is no root tree or `layer` no layer tree
 */
export function applyLayer(base: Tree, layer: Tree): Tree {
  return foldLayers([layer], base);
}
