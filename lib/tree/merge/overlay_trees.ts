import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { emptyTree } from "../build/empty_tree.ts";
import { lookup } from "../lookup.ts";
import type { Node } from "../node.ts";
import { compactIfWasteful } from "../packed/compact.ts";
import { findRow, type RowRef } from "../packed/directory_reader.ts";
import { F_IMPLIED, F_OPAQUE } from "../packed/format.ts";
import { findMembers, labelOf } from "../packed/link_groups.ts";
import { packed, type PackedTree } from "../packed/packed_tree.ts";
import { splitPath } from "../path.ts";
import { resolveRow } from "../resolve.ts";
import type { Tree, TreeKind } from "../tree.ts";
import { editWithoutRelabel } from "./edit_tree.ts";
import {
  type DirectoryPlan,
  isLink,
  isWhiteout,
  type MergeRow,
  type MergeRules,
  mergeTrees,
  type Scope,
  type ShrunkGroups,
} from "./merge_trees.ts";

/**
 * Lays trees over each other, topmost first, as overlayfs shows layers.
 *
 * The result is a root tree (no whiteouts, no opaque or implied directories),
 * or a layer tree that does what all of them do one after another. Costs what
 * the trees change: what only one of them has is taken by reference.
 */
export function overlayTrees(trees: readonly Tree[], kind: TreeKind): Tree {
  if (trees.length === 0) return emptyTree(kind);
  const layers = trees.map(packed);
  const cuts: ShrunkGroups = new Map();
  const merged = mergeTrees(layers, new OverlayRules(layers, kind), cuts);
  const relabelled = cuts.size === 0 ? null : relabel(layers, cuts);
  return relabelled === null ? compactIfWasteful(merged, layers) : compactIfWasteful(
    mergeTrees(relabelled, new OverlayRules(relabelled, kind), null),
    relabelled,
  );
}

/** Gives the surviving names of link groups that lost some their new group; null when nothing changes. */
function relabel(trees: readonly PackedTree[], cuts: ShrunkGroups): PackedTree[] | null {
  let out: PackedTree[] | null = null;
  for (const [rank, groups] of cuts) {
    const tree = trees[rank] as PackedTree;
    const changes: [ByteString, Node][] = [];
    for (const [group, paths] of findMembers(tree, groups)) {
      const left = paths.filter((path) => !isHidden(trees, rank, path));
      const label = labelOf(left);
      if (label === group) continue;
      for (const path of left) {
        changes.push([path, { ...lookup(tree, path), group: label } as Node]);
      }
    }
    if (changes.length === 0) continue;
    out ??= [...trees];
    out[rank] = editWithoutRelabel(tree, changes);
  }
  return out;
}

/** Whether a tree above `rank` hides that tree's entry at a path, which is no directory. */
function isHidden(trees: readonly PackedTree[], rank: number, path: ByteString): boolean {
  const names = splitPath(path);
  for (let above = 0; above < rank; above++) {
    let block = (trees[above] as PackedTree).root();
    let row = 0;
    let reached = true;
    for (const name of names) {
      if (!block.isDirectory(row) || (block.flags(row) & F_OPAQUE) !== 0) return true;
      const directory = block.child(row);
      const found = directory === null ? undefined : findRow(directory, name);
      if (found === undefined) {
        reached = false;
        break;
      }
      block = found.leaf;
      row = found.i;
    }
    if (reached) return true;
  }
  return false;
}

class OverlayRules implements MergeRules {
  readonly kind: TreeKind;
  readonly open: boolean;
  readonly #trees: readonly PackedTree[];
  /** `#below[r]`: what the trees below tree `r` make together; from the bottom up, when asked. */
  readonly #below: Tree[] = [];
  /** The same as layer trees. */
  readonly #layersBelow = new Map<number, PackedTree>();

  constructor(trees: readonly PackedTree[], kind: TreeKind) {
    this.#trees = trees;
    this.kind = kind;
    this.open = kind === "layer";
  }

  keepsMarks(_rank: number, scope: Scope): boolean {
    return scope.open;
  }

  judge(
    rows: readonly MergeRow[],
    scope: Scope,
    path: () => ByteString,
  ): DirectoryPlan | "copy" | "drop" {
    const top = rows[0] as MergeRow;
    if (isWhiteout(top)) return scope.open ? "copy" : "drop";
    if (!top.leaf.isDirectory(top.i)) return "copy";
    let contributors = 0;
    let closedBy = -1;
    while (contributors < rows.length && closedBy < 0) {
      const row = rows[contributors] as MergeRow;
      if (row.leaf.isDirectory(row.i)) {
        contributors++;
        if ((row.leaf.flags(row.i) & F_OPAQUE) !== 0) closedBy = row.rank;
      } else {
        closedBy = row.rank;
      }
    }
    const next = rows[contributors];
    const last = rows[contributors - 1] as MergeRow;
    const inner: Scope = {
      open: scope.open && closedBy < 0,
      closedBy: scope.closedBy >= 0 ? scope.closedBy : closedBy,
      cutBy: closedBy >= 0 ? closedBy : scope.cutBy,
      overLink: next !== undefined && isLink(next)
        ? [...scope.overLink, last.rank]
        : scope.overLink,
    };
    const opaque = scope.open && closedBy >= 0 ? F_OPAQUE : 0;
    const { attributes, implied } = this.#attributes(rows, scope, path);
    return {
      attributes,
      flags: opaque | (implied ? F_IMPLIED : 0),
      contributors,
      scope: inner,
    };
  }

  /**
   * An implied directory has the attributes of the first directory below it
   * that says some; also when its contents are hidden. Over a symbolic link, or
   * below a directory that stands over one, or that the same layer makes opaque,
   * it has those of the directory that the path leads to in the layers below,
   * as containerd's applier gives them.
   */
  #attributes(
    rows: readonly MergeRow[],
    scope: Scope,
    path: () => ByteString,
  ): { attributes: DirectoryPlan["attributes"]; implied: boolean } {
    let lowest = -1;
    let broken: MergeRow | undefined;
    for (const row of rows) {
      if (!row.leaf.isDirectory(row.i)) {
        broken = row;
        break;
      }
      if ((row.leaf.flags(row.i) & F_IMPLIED) === 0) return { attributes: row, implied: false };
      lowest = row.rank;
    }
    const isCut = lowest >= 0 && lowest === scope.cutBy;
    if (this.kind === "layer" && broken === undefined && scope.closedBy <= lowest) {
      const cut = isCut ? this.#cut(lowest, path()) : undefined;
      if (cut !== undefined) return { attributes: cut, implied: false };
      return { attributes: rows[0] as MergeRow, implied: true };
    }
    if (broken !== undefined && isLink(broken) || scope.overLink.includes(lowest) || isCut) {
      return { attributes: this.#resolved(lowest, path()), implied: false };
    }
    return { attributes: null, implied: false };
  }

  /**
   * What the layers below one make of a directory that it cuts from them; `undefined` when only what lies
   * below all of them can say.
   */
  #cut(rank: number, path: ByteString): DirectoryPlan["attributes"] | undefined {
    let below = this.#layersBelow.get(rank);
    if (below === undefined) {
      below = packed(overlayTrees(this.#trees.slice(rank + 1), "layer"));
      this.#layersBelow.set(rank, below);
    }
    let at: RowRef = { leaf: below.root(), i: 0 };
    let isClosed = false;
    for (const name of splitPath(path)) {
      if (!at.leaf.isDirectory(at.i)) return null;
      isClosed ||= (at.leaf.flags(at.i) & F_OPAQUE) !== 0;
      const directory = at.leaf.child(at.i);
      const found = directory === null ? undefined : findRow(directory, name);
      if (found === undefined) return isClosed ? null : undefined;
      at = found;
    }
    if (!at.leaf.isDirectory(at.i)) return null;
    return (at.leaf.flags(at.i) & F_IMPLIED) !== 0 ? undefined : at;
  }

  #resolved(rank: number, path: ByteString): DirectoryPlan["attributes"] {
    try {
      const found = resolveRow(this.#foldBelow(rank), path, true);
      return found !== undefined && found.at.leaf.isDirectory(found.at.i) ? found.at : null;
    } catch (error) {
      if (error instanceof VarveError && (error.code === "E_LOOP" || error.code === "E_NOT_DIR")) {
        return null;
      }
      throw error;
    }
  }

  #foldBelow(rank: number): Tree {
    const bottom = this.#trees.length - 1;
    const last = this.#trees[bottom] as PackedTree;
    this.#below[bottom] ??= emptyTree("root");
    if (bottom > 0) {
      this.#below[bottom - 1] ??= last.kind === "root" ? last : overlayTrees([last], "root");
    }
    let known = rank;
    while (this.#below[known] === undefined) known++;
    for (; known > rank; known--) {
      this.#below[known - 1] = overlayTrees(
        [this.#trees[known] as PackedTree, this.#below[known] as Tree],
        "root",
      );
    }
    return this.#below[rank] as Tree;
  }
}
