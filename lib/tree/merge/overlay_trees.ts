import type { ByteString } from "../../bytes/mod.ts";
import { emptyTree } from "../build/empty_tree.ts";
import type { Node } from "../node.ts";
import { compactWasteful } from "../packed/compact.ts";
import { findRow, type RowRef } from "../packed/directory_reader.ts";
import { F_IMPLIED, F_OPAQUE } from "../packed/format.ts";
import { findMembers, isLabelOf, labelOf } from "../packed/link_groups.ts";
import { packed, type PackedTree } from "../packed/packed_tree.ts";
import { splitPath } from "../path.ts";
import { resolveRow } from "../resolve.ts";
import { finishSteps, type Steps } from "../steps.ts";
import type { Tree, TreeKind } from "../tree.ts";
import { editWithoutRelabel } from "./edit_tree.ts";
import { HiddenPaths, NodesByPath } from "./hidden_paths.ts";
import {
  type DirectoryPlan,
  isWhiteout,
  type MergeRow,
  type MergeRules,
  mergeSteps,
  mergeTrees,
  type Scope,
  type ShrunkGroups,
} from "./merge_trees.ts";
import {
  directoryAttributes,
  enterDirectory,
  type LowerLayers,
  unlessLost,
} from "./overlay_rules.ts";

/**
 * Merges trees, topmost first, with the rules of overlayfs.
 *
 * With `kind` `"root"` the result is a root tree: without whiteouts, opaque and implied
 * directories. With `"layer"` it is a layer tree that has the same effect as all given trees
 * applied one after another. Subtrees that only one tree has are shared, so the cost depends on the
 * parts where trees overlap.
 */
export function overlayTrees(trees: readonly Tree[], kind: TreeKind): Tree {
  return finishSteps(overlaySteps(trees, kind));
}

/** Does the same as {@linkcode overlayTrees}, in steps. */
export function* overlaySteps(trees: readonly Tree[], kind: TreeKind): Steps<Tree> {
  if (trees.length === 0) return emptyTree(kind);
  const layers = trees.map(packed);
  const shrunk: ShrunkGroups = new Map();
  const merged = yield* mergeSteps(layers, new OverlayRules(layers, kind), shrunk);
  const relabelled = shrunk.size === 0 ? null : yield* relabel(layers, shrunk);
  if (relabelled === null) return yield* compactWasteful(merged, layers);
  const again = yield* mergeSteps(relabelled, new OverlayRules(relabelled, kind), null);
  return yield* compactWasteful(again, relabelled);
}

/**
 * Sets the new labels of link groups that lost names, on their remaining names. Returns the trees
 * with these labels; null when no label changes.
 */
function* relabel(
  trees: readonly PackedTree[],
  shrunk: ShrunkGroups,
): Steps<PackedTree[] | null> {
  let out: PackedTree[] | null = null;
  for (const [rank, groups] of shrunk) {
    const tree = trees[rank] as PackedTree;
    const changes: [ByteString, Node][] = [];
    const hidden = new HiddenPaths(trees, rank);
    const nodes = new NodesByPath(tree);
    for (const [group, paths] of findMembers(tree, groups)) {
      yield;
      const left = paths.filter((path) => !hidden.has(path));
      const label = labelOf(left);
      if (isLabelOf(label, group)) continue;
      for (const path of left) {
        changes.push([path, { ...nodes.at(path), group: label } as Node]);
      }
    }
    if (changes.length === 0) continue;
    out ??= [...trees];
    out[rank] = editWithoutRelabel(tree, changes);
  }
  return out;
}

/** The rules of overlayfs. */
class OverlayRules implements MergeRules, LowerLayers {
  readonly kind: TreeKind;
  readonly open: boolean;
  readonly #trees: readonly PackedTree[];
  /**
   * `#rootsBelow[r]` is the root tree of all trees below tree `r`. It is made when needed, from the
   * bottom up.
   */
  readonly #rootsBelow: Tree[] = [];
  /**
   * `#layersBelow[n]` is the lowest `n` trees as one layer tree. The merges that make these trees
   * share the list. If each made its own, `n` trees could take 2ⁿ merges.
   */
  readonly #layersBelow: PackedTree[];

  constructor(trees: readonly PackedTree[], kind: TreeKind, layersBelow: PackedTree[] = []) {
    this.#trees = trees;
    this.#layersBelow = layersBelow;
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
    const { contributors, inner, hider } = enterDirectory(rows, scope);
    const opaque = scope.open && hider >= 0 ? F_OPAQUE : 0;
    const { attributes, implied } = directoryAttributes(rows, scope, path, this);
    return {
      attributes,
      flags: opaque | (implied ? F_IMPLIED : 0),
      contributors,
      scope: inner,
    };
  }

  /**
   * Finds the attributes that the layers below layer `rank` give to a directory that this layer
   * hides. Returns null for the default attributes, and `undefined` when a layer that is not part
   * of this merge could still give attributes.
   */
  attributesBelow(rank: number, path: ByteString): DirectoryPlan["attributes"] | undefined {
    const below = this.#layerBelow(rank);
    let at: RowRef = { leaf: below.root(), i: 0 };
    let isOpaqueAbove = false;
    for (const name of splitPath(path)) {
      if (!at.leaf.isDirectory(at.i)) return null;
      isOpaqueAbove ||= (at.leaf.flags(at.i) & F_OPAQUE) !== 0;
      const directory = at.leaf.child(at.i);
      const found = directory === null ? undefined : findRow(directory, name);
      if (found === undefined) return isOpaqueAbove ? null : undefined;
      at = found;
    }
    if (!at.leaf.isDirectory(at.i)) return null;
    return (at.leaf.flags(at.i) & F_IMPLIED) !== 0 ? undefined : at;
  }

  /**
   * Resolves a path in the layers below layer `rank`. Returns null when the path does not lead to a
   * directory.
   */
  resolveBelow(rank: number, path: ByteString): DirectoryPlan["attributes"] {
    const found = unlessLost(() => resolveRow(this.#rootBelow(rank), path, true));
    return found !== undefined && found.at.leaf.isDirectory(found.at.i) ? found.at : null;
  }

  /**
   * All trees below tree `rank` as one layer tree. Only the attributes of its directories count, so
   * its link groups get no new labels.
   */
  #layerBelow(rank: number): PackedTree {
    const made = this.#layersBelow;
    const count = this.#trees.length - rank - 1;
    // From the bottom up, so that a merge finds all that it needs and does not call itself.
    for (let n = made.length; n <= count; n++) {
      const trees = this.#trees.slice(this.#trees.length - n);
      const rules = new OverlayRules(trees, "layer", made);
      made.push(n === 0 ? packed(emptyTree("layer")) : mergeTrees(trees, rules, null));
    }
    return made[count] as PackedTree;
  }

  /** The root tree of all trees below tree `rank`. */
  #rootBelow(rank: number): Tree {
    const bottom = this.#trees.length - 1;
    const last = this.#trees[bottom] as PackedTree;
    this.#rootsBelow[bottom] ??= emptyTree("root");
    if (bottom > 0) {
      this.#rootsBelow[bottom - 1] ??= last.kind === "root" ? last : overlayTrees([last], "root");
    }
    let known = rank;
    while (this.#rootsBelow[known] === undefined) known++;
    for (; known > rank; known--) {
      this.#rootsBelow[known - 1] = overlayTrees(
        [this.#trees[known] as PackedTree, this.#rootsBelow[known] as Tree],
        "root",
      );
    }
    return this.#rootsBelow[rank] as Tree;
  }
}
