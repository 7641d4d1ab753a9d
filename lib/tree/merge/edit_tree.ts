import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { lookup } from "../lookup.ts";
import type { Node } from "../node.ts";
import type { Block } from "../packed/block.ts";
import { compactIfWasteful } from "../packed/compact.ts";
import { RowCursor } from "../packed/directory_reader.ts";
import { P_ERASE, P_REPLACE, P_THROUGH } from "../packed/format.ts";
import { findMembers, isLabelOf, labelOf } from "../packed/link_groups.ts";
import { packed, type PackedTree } from "../packed/packed_tree.ts";
import type { Tree, TreeKind } from "../tree.ts";
import {
  type DirectoryPlan,
  layerFlags,
  type MergeRow,
  type MergeRules,
  mergeTrees,
  type Scope,
  type ShrunkGroups,
} from "./merge_trees.ts";
import { Patch } from "./patch.ts";

/** One change of an edit: a path and its new node, or null to remove the path. */
export type Edit = readonly [path: ByteString, node: Node | null];

/**
 * Makes a new tree by changing paths, one after another. Only the blocks of changed directories,
 * and of the directories above them, are new. The new tree shares all other blocks with the old tree,
 * so the cost depends on the number of changes, not on the size of the tree.
 *
 * A directory that replaces a directory keeps its entries; any other node that replaces a directory
 * drops them. Removing a path that does not exist changes nothing. The `group` of a node is the
 * link group that the path joins. All names of the group then get the attributes of the last node
 * in `changes` that has this `group`. The label of the group (its least path) is computed again.
 *
 * @example
 * ```ts
 * import { editTree, emptyTree, fromText, lookup, rootOf } from "@varve/varve/tree";
 *
 * const empty = emptyTree("root");
 * const tree = editTree(empty, [[fromText("srv"), rootOf(empty)]]);
 * if (lookup(tree, fromText("srv"))?.type !== "directory") throw new Error("not there");
 * ```
 *
 * @throws {VarveError} `E_NOT_FOUND` or `E_NOT_DIR` when a parent does not exist or is not a
 * directory
 * @throws {RangeError} when a tree of this kind cannot hold a path or a node
 */
export function editTree(tree: Tree, changes: Iterable<Edit>): Tree {
  const base = packed(tree);
  const patch = new Patch(base.kind);
  for (const [path, node] of changes) patch.change(path, node);
  if (patch.isEmpty) return tree;
  const shrunk: ShrunkGroups = new Map();
  const merged = mergeTrees([patch.finish(), base], new EditRules(base.kind), shrunk);
  const touched = new Set(shrunk.get(1));
  const put = patch.groups();
  for (const group of put.keys()) touched.add(group);
  if (touched.size === 0) return compactIfWasteful(merged, [base]);
  const members = findMembers(base, touched);
  for (const group of touched) {
    const entries = put.get(group) ?? [];
    const old = (members.get(group) ?? []).filter((path) => !patch.hides(path));
    const label = labelOf([...old, ...entries.map(({ path }) => path)]);
    const inode = entries.at(-1)?.node;
    if (inode === undefined && isLabelOf(label, group)) continue;
    for (const path of old) {
      patch.change(path, { ...(inode ?? lookup(base, path)), group: label } as Node);
    }
    for (const { path } of entries) patch.change(path, { ...inode, group: label } as Node);
  }
  return compactIfWasteful(mergeTrees([patch.finish(), base], new EditRules(base.kind), null), [
    base,
  ]);
}

/** Edits a tree and keeps the link groups of the given nodes unchanged, without new labels. */
export function editWithoutRelabel(tree: PackedTree, changes: Iterable<Edit>): PackedTree {
  const patch = new Patch(tree.kind);
  for (const [path, node] of changes) patch.change(path, node);
  return compactIfWasteful(mergeTrees([patch.finish(), tree], new EditRules(tree.kind), null), [
    tree,
  ]);
}

const SCOPE: Scope = { open: true, outerHider: -1, innerHider: -1, overLink: [] };

/**
 * The rules that apply a patch (rank 0) to a tree (rank 1). Whiteouts and marked directories of the
 * tree are ordinary nodes here and are kept. The `P_…` flags of the patch say what to change.
 */
class EditRules implements MergeRules {
  readonly kind: TreeKind;
  readonly open = true;

  constructor(kind: TreeKind) {
    this.kind = kind;
  }

  keepsMarks(rank: number): boolean {
    return rank === 1;
  }

  judge(
    rows: readonly MergeRow[],
    _scope: Scope,
    path: () => ByteString,
  ): DirectoryPlan | "copy" | "drop" | "below" {
    const top = rows[0] as MergeRow;
    const isDirectory = top.leaf.isDirectory(top.i);
    if (top.rank === 1) {
      if (!isDirectory) return "copy";
      return { attributes: top, flags: layerFlags(top), contributors: 1, scope: SCOPE };
    }
    const flags = top.leaf.flags(top.i);
    if ((flags & P_ERASE) !== 0) return "drop";
    if (!isDirectory) return "copy";
    const below = rows[1];
    const onDirectory = below !== undefined && below.leaf.isDirectory(below.i);
    if ((flags & P_THROUGH) !== 0 && !onDirectory) {
      if (!putsNode(top.leaf.child(top.i))) return below === undefined ? "drop" : "below";
      const subject = escapeForTerminal(path());
      throw below === undefined
        ? new VarveError("E_NOT_FOUND", `Cannot edit below ${subject}: no such directory`, {
          subject,
        })
        : new VarveError("E_NOT_DIR", `Cannot edit below ${subject}: not a directory`, { subject });
    }
    const attributes = (flags & P_THROUGH) !== 0 ? below as MergeRow : top;
    const contributors = onDirectory && (flags & P_REPLACE) === 0 ? 2 : 1;
    return { attributes, flags: layerFlags(attributes), contributors, scope: SCOPE };
  }
}

/** Whether a patch puts a node below a directory, at any depth. */
function putsNode(directory: Block | null): boolean {
  const stack = directory === null ? [] : [directory];
  for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
    for (const rows = new RowCursor(block); rows.valid(); rows.i++) {
      const flags = rows.leaf.flags(rows.i);
      if ((flags & (P_ERASE | P_THROUGH)) === 0) return true;
      const child = rows.leaf.isDirectory(rows.i) ? rows.leaf.child(rows.i) : null;
      if (child !== null) stack.push(child);
    }
  }
  return false;
}
