import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { F_IMPLIED, F_OPAQUE } from "../packed/format.ts";
import type { TreeKind } from "../tree.ts";
import { type DirectoryPlan, isLink, type MergeRow, type Scope } from "./merge_trees.ts";

/** What {@linkcode directoryAttributes} asks of the layers below a layer. */
export interface LowerLayers {
  /** Kind of the tree that results. */
  readonly kind: TreeKind;
  /**
   * Finds the attributes that the layers below layer `rank` give to a directory that this layer
   * hides. Returns null for the default attributes, and `undefined` when a layer that is not part
   * of this merge could still give attributes. Called for layer trees only.
   */
  attributesBelow(rank: number, path: ByteString): DirectoryPlan["attributes"] | undefined;
  /**
   * Resolves a path in the layers below layer `rank`. Returns null when the path does not lead to a
   * directory.
   */
  resolveBelow(rank: number, path: ByteString): DirectoryPlan["attributes"];
}

/** How the rows of a directory are merged. */
export interface EnteredDirectory {
  /** Number of rows, counted from the topmost, whose entries are merged. */
  readonly contributors: number;
  /** The scope in which the entries are merged. */
  readonly inner: Scope;
  /** Rank of the tree that hides the rows below; −1 for none. */
  readonly hider: number;
}

/**
 * Decides how the rows of a directory are merged. `rows` are the rows of its name, topmost first;
 * `scope` is the scope of its parent.
 */
export function enterDirectory(rows: readonly MergeRow[], scope: Scope): EnteredDirectory {
  let contributors = 0;
  let hider = -1;
  while (contributors < rows.length && hider < 0) {
    const row = rows[contributors] as MergeRow;
    if (row.leaf.isDirectory(row.i)) {
      contributors++;
      if ((row.leaf.flags(row.i) & F_OPAQUE) !== 0) hider = row.rank;
    } else {
      hider = row.rank;
    }
  }
  const next = rows[contributors];
  const last = rows[contributors - 1] as MergeRow;
  const inner: Scope = {
    open: scope.open && hider < 0,
    outerHider: scope.outerHider >= 0 ? scope.outerHider : hider,
    innerHider: hider >= 0 ? hider : scope.innerHider,
    overLink: next !== undefined && isLink(next) ? [...scope.overLink, last.rank] : scope.overLink,
  };
  return { contributors, inner, hider };
}

/**
 * Finds the attributes of a merged directory. They come from the topmost row that is not implied,
 * even when the entries of that row are hidden.
 *
 * When all rows are implied, there are two cases. In the first case, the directory or an ancestor
 * lies directly over a symbolic link, or the same layer made an ancestor opaque. Then the path is
 * resolved in the layers below, and the attributes come from the directory found there, as in
 * containerd's applier. In the second case, the directory has the default attributes. In a layer
 * tree it stays implied if layers further down may still give it attributes.
 */
export function directoryAttributes(
  rows: readonly MergeRow[],
  scope: Scope,
  path: () => ByteString,
  layers: LowerLayers,
): { attributes: DirectoryPlan["attributes"]; implied: boolean } {
  let lowest = -1;
  let blocking: MergeRow | undefined;
  for (const row of rows) {
    if (!row.leaf.isDirectory(row.i)) {
      blocking = row;
      break;
    }
    if ((row.leaf.flags(row.i) & F_IMPLIED) === 0) return { attributes: row, implied: false };
    lowest = row.rank;
  }
  const isHider = lowest >= 0 && lowest === scope.innerHider;
  if (layers.kind === "layer" && blocking === undefined && scope.outerHider <= lowest) {
    const below = isHider ? layers.attributesBelow(lowest, path()) : undefined;
    if (below !== undefined) return { attributes: below, implied: false };
    return { attributes: rows[0] as MergeRow, implied: true };
  }
  if (blocking !== undefined && isLink(blocking) || scope.overLink.includes(lowest) || isHider) {
    return { attributes: layers.resolveBelow(lowest, path()), implied: false };
  }
  return { attributes: null, implied: false };
}

/** Runs a look-up. Returns `undefined` when the look-up fails with `E_LOOP` or `E_NOT_DIR`. */
export function unlessLost<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof VarveError && (error.code === "E_LOOP" || error.code === "E_NOT_DIR")) {
      return undefined;
    }
    throw error;
  }
}
