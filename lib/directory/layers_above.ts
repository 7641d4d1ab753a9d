import type { ByteString } from "../bytes/mod.ts";
import { squashLayers } from "../layer/mod.ts";
import { type Edit, editTree, IMPLIED, rootOf, type Tree, walk } from "../tree/mod.ts";
import { MergedLowers } from "./merged_lowers.ts";

/**
 * Joins layers that lie on directories of an overlay. The result is one layer tree: it keeps the whiteouts and opaque
 * marks that hide what lies below, and has no implied directories. Those take their attributes from the directories
 * below, as containerd's applier gives them.
 *
 * @param layers layer trees, lowest first
 * @param lowers absolute paths of the directories below, topmost first
 * @throws {VarveError} as {@linkcode MergedLowers}
 */
export function layersAbove(layers: readonly Tree[], lowers: readonly ByteString[]): Tree {
  const tree = squashLayers(layers);
  using below = new MergedLowers(lowers);
  return editTree(tree, resolved(tree, below));
}

/** The implied directories of a layer tree, with the attributes that the directories below give. */
function* resolved(tree: Tree, below: MergedLowers): Generator<Edit> {
  const edit = (path: ByteString, opaque: boolean): Edit => {
    const found = below.directory(path) ?? IMPLIED;
    return [path, { ...found, opaque, implied: false }];
  };
  const root = rootOf(tree);
  if (root.implied) yield edit("" as ByteString, root.opaque);
  for (const { path, node } of walk(tree)) {
    if (node.type === "directory" && node.implied) yield edit(path, node.opaque);
  }
}
