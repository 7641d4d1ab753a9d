import type { ByteString } from "../../bytes/mod.ts";
import {
  type Edit,
  editTree,
  emptyTree,
  type Node,
  type Tree,
  type TreeKind,
  walk,
} from "../../tree/mod.ts";

/**
 * A part of a tree as a tree of its own.
 *
 * @param path path of the part, without symbolic links
 * @param name name of the part in the new root; `undefined`: a directory becomes the root itself
 */
export function subtree(
  tree: Tree,
  { path, node }: { readonly path: ByteString; readonly node: Node },
  name: ByteString | undefined,
  kind: TreeKind,
): Tree {
  function* edits(): Generator<Edit> {
    yield [name ?? "" as ByteString, node];
    if (node.type !== "directory") return;
    const skipped = path === "" ? 0 : path.length + 1;
    const base = name === undefined ? "" : `${name}/`;
    for (const entry of walk(tree, { from: path })) {
      yield [base + entry.path.slice(skipped) as ByteString, entry.node];
    }
  }
  return editTree(emptyTree(kind), edits());
}

/** The layers that hold contents of a tree. */
export function sourcesOf(
  tree: Tree,
): Set<NonNullable<Extract<Node, { type: "file" }>["locator"]>["source"]> {
  const sources: ReturnType<typeof sourcesOf> = new Set();
  for (const { node } of walk(tree)) {
    if (node.type === "file" && node.locator !== null) sources.add(node.locator.source);
  }
  return sources;
}
