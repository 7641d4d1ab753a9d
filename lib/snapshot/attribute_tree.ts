import type { ByteString } from "../bytes/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import {
  type DirectoryNode,
  lookup,
  type NodeId,
  rootOf,
  type Tree,
  TreeBuilder,
  walk,
} from "../tree/mod.ts";

/**
 * The root of a chain, and those of its directories whose attributes an overlay
 * of the layers' own directories gets wrong: where the topmost layer that has a
 * directory only implies it, overlayfs shows what that layer makes up instead of
 * the attributes from below.
 *
 * As one topmost lower, this tree puts them right. Parents come along, with
 * their right attributes. It holds directories only.
 *
 * @param layers layer trees, lowest first
 */
export function attributeTree(layers: readonly Tree[]): Tree {
  const right = foldLayers(layers);
  const builder = new TreeBuilder({ kind: "layer" });
  builder.update(builder.root, rootOf(right));
  for (const [index, layer] of layers.entries()) {
    const above = layers.slice(index + 1);
    for (const { path, node } of walk(layer)) {
      if (node.type !== "directory" || !node.implied) continue;
      // What a layer above has there is what shows.
      if (above.some((one) => lookup(one, path) !== undefined)) continue;
      const real = lookup(right, path);
      // A layer above may have replaced a directory on the way.
      if (real?.type === "directory" && !sameAttributes(real, node)) add(builder, right, path);
    }
  }
  return builder.finish(null);
}

/** Adds a directory and those on the way to it. */
function add(builder: TreeBuilder, right: Tree, path: ByteString): void {
  let parent: NodeId = builder.root;
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const name = path.slice(start, end) as ByteString;
    const known = builder.child(parent, name);
    parent = known >= 0 ? known : builder.put(
      parent,
      name,
      lookup(right, path.slice(0, end) as ByteString) as DirectoryNode,
    );
    start = end + 1;
  }
}

function sameAttributes(a: DirectoryNode, b: DirectoryNode): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid &&
    a.mtime.lo === b.mtime.lo && a.mtime.hi === b.mtime.hi && a.mtime.ns === b.mtime.ns &&
    a.xattrs.length === b.xattrs.length &&
    a.xattrs.every(({ name, value }, i) =>
      name === b.xattrs[i]?.name && value === b.xattrs[i]?.value
    );
}
