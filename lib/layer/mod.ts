/**
 * Layers: the entries of an archive judged and made into a layer tree; layer trees applied, folded,
 * compared and squashed; the names of stacks of layers.
 *
 * Everything here is pure: entries and trees in, trees out.
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
export type * from "./entry.ts";
export * from "./apply.ts";
export * from "./changes.ts";
export * from "./diff.ts";
export * from "./fold.ts";
export * from "./squash.ts";
export * from "./chain.ts";
export * from "./build/layer_builder.ts";
export { LAYER_LIMITS, type LayerLimits, layerLimits } from "./limits.ts";
export * from "./policy.ts";
export * from "./rebase.ts";
export { type Warning, WARNING_CODES, type WarningCode, WarningCounter } from "./warnings.ts";
export { type Bearer, judgeXattrs } from "./build/xattrs.ts";
