import type { ByteString } from "../../bytes/mod.ts";
import { mapKey } from "../../tree/internal.ts";
import {
  decodeTree,
  type DirectoryNode,
  type FileNode,
  lookup,
  type Node,
  type NodeId,
  rootOf,
  type Tree,
  walk,
} from "../../tree/mod.ts";
import type { LinkedName, ScanForm, ScanPart } from "./contract.ts";
import { PathTreeBuilder } from "./path_tree_builder.ts";

/** Reads a file and returns its node with the digest and the current attributes. */
export type ReadFile = (path: ByteString, node: FileNode) => FileNode;

/**
 * Joins the parts of a scan into one layer tree. Without `read` the files of the tree have no
 * digests.
 *
 * @param base the root tree with which the parts were compared
 * @param onTheWay returns the node of a directory that is an ancestor of a change, but is in no
 * part and not in the base
 */
export function assembleParts(
  form: ScanForm,
  parts: readonly ScanPart[],
  base: Tree,
  onTheWay: (path: ByteString) => DirectoryNode,
  read?: ReadFile,
): Tree {
  // A directory that is in no part has the attributes that it has in the base.
  const built = new PathTreeBuilder((path) => {
    const node = lookup(base, path);
    return node?.type === "directory" ? node : onTheWay(path);
  });
  const links = decideLinks(form, parts.flatMap((part) => part.links));
  const first = new Map<string, NodeId>();
  for (const part of parts) {
    const tree = decodeTree(part.tree);
    const root = rootOf(tree);
    if (!root.implied) built.directory("" as ByteString, root);
    for (const { path, node } of walk(tree)) {
      if (node.type === "directory") {
        if (!node.implied) built.directory(path, node);
        continue;
      }
      const inode = links.get(mapKey(path));
      if (inode === "unchanged") continue;
      const known = inode === undefined ? undefined : first.get(inode);
      if (known !== undefined) {
        built.link(path, known);
        continue;
      }
      const id = built.leaf(path, withDigest(path, node, read));
      if (inode !== undefined) first.set(inode, id);
    }
  }
  return built.builder.finish(null);
}

function withDigest(
  path: ByteString,
  node: Exclude<Node, DirectoryNode>,
  read: ReadFile | undefined,
): Exclude<Node, DirectoryNode> {
  return node.type === "file" && node.size > 0 && read !== undefined ? read(path, node) : node;
}

/**
 * Decides which hard links are in the layer. Returns for each path its inode, or `"unchanged"` when
 * the path is left out.
 *
 * The names of one inode are left out together, if each of them has an equal node in the base and
 * the base links them to each other. Otherwise all names are in the layer, because a layer can only
 * link to files that it holds. In an upper directory, an inode with several names is always in the
 * layer: when overlayfs copied the file up, it separated the file from its names in the lower
 * directory.
 */
function decideLinks(
  form: ScanForm,
  links: readonly LinkedName[],
): Map<ByteString, string | "unchanged"> {
  const groups = Map.groupBy(links, ({ inode }) => inode);
  const out = new Map<ByteString, string>();
  for (const [inode, names] of groups) {
    const label = names.length === 1 ? null : names.reduce(
      (least, { path }) => path < least ? path : least,
      names[0]?.path as ByteString,
    );
    const unchanged = (form === "plain" || label === null) &&
      names.every(({ same, group }) => same && group === label);
    for (const { path } of names) out.set(mapKey(path), unchanged ? "unchanged" : inode);
  }
  return out;
}
