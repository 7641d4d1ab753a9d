/**
 * Immutable, content-addressed trees of files.
 *
 * A *layer tree* holds what one layer adds, changes and hides. A *root tree* holds the whole file
 * system that results from a chain of layers. Both are a {@linkcode Tree}, named by its `digest`:
 * equal trees have equal digests. The digest covers names, types, attributes and content. It does
 * not cover the {@linkcode Locator}, which says where the bytes of a file lie in a layer tar.
 *
 * ## Form
 *
 * A tree of a million entries must not be a million objects, so a tree is packed. A directory is
 * one *block* of bytes, like a tree object of git:
 *
 *     tree ── root block          1 row without a name: the attributes of the root directory
 *               └─ top directory
 *                    ├─ etc   ──▶ block of /etc
 *                    ├─ usr   ──▶ index block ─┬▶ leaf: a … k     a large directory is cut
 *                    │                         └▶ leaf: l … z     into leaves
 *                    └─ vmlinuz
 *
 *     block:  header │ rows, sorted by name │ heap: names, digests, targets, xattrs │ sides
 *                    └───────────────── hashed: the digest ─────────────────────────┘
 *
 * - A *row* of ten words holds the attributes of an entry. Its name and other variable parts are in
 *   the *heap*. The row of a directory holds the digest of its block, so the digest of the root
 *   block covers the whole tree (a Merkle tree).
 * - A *side* says where something lies: the bytes of a file, or the block of a directory. Sides are
 *   not hashed.
 * - Blocks lie in a *segment*: pages of memory, or a file. An *address* is a position in a segment,
 *   in units of 8 bytes. A block can also refer to blocks of other segments, which its own segment
 *   *imports*.
 * - The places where a large directory is cut depend only on the names in it. So a tree has the
 *   same digest however it was made.
 *
 * `packed/format.ts` and `packed/file_format.ts` define this form and its version. Changing it
 * changes the digest of every tree.
 *
 * ## Making trees
 *
 * - `build/`: {@linkcode TreeBuilder} takes entries in any order and packs a directory as soon as
 *   the entries move on to another directory.
 * - `merge/`: several trees become one. The merge writes new blocks only for directories that
 *   differ, and shares all other blocks with its inputs.
 *   - {@linkcode editTree} merges a small tree of changes over a tree.
 *   - {@linkcode overlayTrees} merges layers with the rules of overlayfs. With kind `"root"` it
 *     *folds* a chain of layers to its root tree. With `"layer"` it squashes layers to one layer.
 *   - {@linkcode differenceTree} is the inverse: the layer tree that turns one root tree into
 *     another.
 * - `packed/`: {@linkcode encodeTree} and {@linkcode writeTreeFile} store a tree; {@linkcode openTree}
 *   reads it block by block when needed, {@linkcode decodeTree} as a whole. Stored bytes are not
 *   trusted: each block is checked against the digest in its parent.
 *
 * ## Reading trees
 *
 * {@linkcode lookup}, {@linkcode resolve}, {@linkcode list} and {@linkcode walk} return each entry
 * as a {@linkcode Node}. {@linkcode rootRow} returns rows without an object for each entry, for
 * codecs.
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
export { encodeTree, writeTreeFile } from "./packed/encode_tree.ts";
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
