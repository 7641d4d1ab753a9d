import type { ByteString } from "../bytes/mod.ts";
import { squashSteps } from "../layer/internal.ts";
import { finishSteps, withCheckpoints } from "../tree/internal.ts";
import { type Edit, editTree, IMPLIED, rootOf, type Tree, walk } from "../tree/mod.ts";
import { MergedLowers } from "./merged_lowers.ts";

/**
 * Joins layers that lie on directories of an overlay. The result is one layer tree: it keeps the whiteouts and opaque
 * marks that hide what lies below, and has no implied directories. Those take their attributes from the directories
 * below, as containerd's applier gives them.
 *
 * @param layers layer trees, lowest first
 * @param lowers absolute paths of the directories below, topmost first
 * @param checkpoint called after every few entries; if it throws, the work ends with that error
 * @throws {VarveError} as {@linkcode MergedLowers}
 */
export function layersAbove(
  layers: readonly Tree[],
  lowers: readonly ByteString[],
  checkpoint: () => void,
): Tree {
  const tree = finishSteps(squashSteps(layers), checkpoint);
  using below = new MergedLowers(lowers);
  return editTree(tree, resolved(tree, below, checkpoint));
}

/** The implied directories of a layer tree, with the attributes that the directories below give. */
function* resolved(
  tree: Tree,
  below: MergedLowers,
  checkpoint: () => void,
): Generator<Edit> {
  const edit = (path: ByteString, opaque: boolean): Edit => {
    const found = below.directory(path) ?? IMPLIED;
    return [path, { ...found, opaque, implied: false }];
  };
  const root = rootOf(tree);
  if (root.implied) yield edit("" as ByteString, root.opaque);
  for (const { path, node } of withCheckpoints(walk(tree), checkpoint)) {
    if (node.type === "directory" && node.implied) yield edit(path, node.opaque);
  }
}
