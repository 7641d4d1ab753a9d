/** @module */
export { type NodeId, TreeBuilder, type TreeBuilderOptions } from "./builder.ts";
export { type Difference, differences, differenceTree } from "./difference.ts";
export { type Edit, editTree } from "./edit.ts";
export * from "./empty.ts";
export { list, lookup, rootOf } from "./lookup.ts";
export type * from "./node.ts";
export { overlayTrees } from "./overlay.ts";
export { resolve, type Resolved, type ResolveOptions } from "./resolve.ts";
export type * from "./tree.ts";
export * from "./walk.ts";
export * from "./draft.ts";
