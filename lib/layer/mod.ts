/**
 * Layers as values, and operations on them.
 *
 * - A {@linkcode LayerBuilder} interprets the {@linkcode Entry} values of one archive, in order, as
 *   a *layer tree*: what the layer adds, changes and hides. It needs no other layer, so all layers
 *   of an image can be built at the same time. Entries are hostile input: {@linkcode LayerLimits}
 *   bound their cost, {@linkcode LayerPolicy} says what to exclude, and {@linkcode Warning} counts
 *   what was dropped.
 * - {@linkcode applyLayer} applies a layer tree to a *root tree*: the whole file system, without
 *   whiteouts. {@linkcode foldLayers} applies a chain of layers in one pass.
 * - {@linkcode diffLayer} is the inverse: it makes the layer tree that turns one root tree into
 *   another. {@linkcode diffTrees} lists the same difference path by path.
 * - {@linkcode squashLayers} joins several layer trees into one. {@linkcode rebaseLayers} replaces
 *   the lowest layers of an image.
 * - {@linkcode chainIds} names each stack of layers by the diffIDs of its layers.
 *
 * Everything here is pure: entries and trees in, trees out. `./tar` reads archives, and `./tree`
 * defines the form of trees.
 *
 * @example
 * ```ts
 * import { applyLayer, type DiffId, LayerBuilder } from "@varve/varve/layer";
 * import { emptyTree } from "@varve/varve/tree";
 * import { sha256 } from "@varve/varve/digest";
 *
 * const layer = new LayerBuilder().finish(sha256(new Uint8Array()) as DiffId).tree;
 * if (applyLayer(emptyTree("root"), layer).count !== 0) throw new Error("never");
 * ```
 *
 * @module
 */
export type { ByteString, Timestamp } from "../bytes/mod.ts";
export type { ChainId, DiffId, Digest, TreeDigest } from "../digest/mod.ts";
export type { Limit } from "../oci/mod.ts";
export type {
  Attributes,
  DeviceNode,
  DirectoryNode,
  Extent,
  FifoNode,
  FileNode,
  Linkable,
  Locator,
  Node,
  NodeType,
  SymlinkNode,
  Tree,
  TreeKind,
  WhiteoutNode,
  Xattr,
} from "../tree/mod.ts";
export * from "./apply.ts";
export type { BeyondRatio } from "./build/budget.ts";
export * from "./build/layer_builder.ts";
export * from "./chain.ts";
export * from "./diff_layer.ts";
export * from "./diff_trees.ts";
export type * from "./entry.ts";
export * from "./fold.ts";
export { LAYER_LIMITS, type LayerLimits, layerLimits } from "./limits.ts";
export * from "./policy.ts";
export * from "./rebase.ts";
export * from "./squash.ts";
export { type Warning, WARNING_CODES, type WarningCode, WarningCounter } from "./warnings.ts";
