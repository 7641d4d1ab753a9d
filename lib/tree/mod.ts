/**
 * Immutable, content-addressed trees: what a layer changes, or the whole file
 * system of a chain. Each directory is one packed block; a tree is named by
 * the hash of its root; an edit makes new blocks along the path and shares
 * the rest.
 *
 * @example
 * ```ts
 * import { editTree, emptyTree, fromText, list, rootOf } from "@varve/varve/tree";
 *
 * const empty = emptyTree("root");
 * const tree = editTree(empty, [[fromText("etc"), rootOf(empty)], [fromText("srv"), rootOf(empty)]]);
 * const names = Array.from(list(tree, fromText("/")), ({ name }) => name);
 * if (names.join() !== "etc,srv") throw new Error("not sorted");
 * ```
 *
 * @module
 */
export {
  asByteString,
  type ByteString,
  fromText,
  type Timestamp,
  timestamp,
  toText,
} from "../bytes/mod.ts";
export type { DiffId, Digest, TreeDigest } from "../digest/mod.ts";
export { type NodeId, TreeBuilder, type TreeBuilderOptions } from "./build/tree_builder.ts";
export { decodeTree, openTree } from "./packed/decode_tree.ts";
export { type Difference, differences, differenceTree } from "./merge/difference.ts";
export { type Edit, editTree } from "./merge/edit_tree.ts";
export { emptyTree } from "./build/empty_tree.ts";
export { encodeTree, writeTree } from "./packed/encode_tree.ts";
export { IMPLIED } from "./implied.ts";
export { list, lookup, rootOf } from "./lookup.ts";
export { newBytes } from "./new_bytes.ts";
export type * from "./node.ts";
export { overlayTrees } from "./merge/overlay_trees.ts";
export { rootRow, type Row, type Rows } from "./packed/rows.ts";
export { resolve, type Resolved, type ResolveOptions } from "./resolve.ts";
export type { OnDamage, TreeSource } from "./packed/stored_segment.ts";
export type * from "./tree.ts";
export { verifyTree } from "./packed/verify_tree.ts";
export { walk, type WalkOptions } from "./walk.ts";
