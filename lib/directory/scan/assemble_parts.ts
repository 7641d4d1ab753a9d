import type { ByteString } from "../../bytes/mod.ts";
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

/** Reads a file and returns its node with the digest, and with the attributes that it has now. */
export type ReadFile = (path: ByteString, node: FileNode) => FileNode;

/**
 * Makes one layer tree of the parts of a scan. Without `read` its files have no digests.
 *
 * @param base the root tree with which the parts were compared
 * @param onTheWay gives the node of a directory above a change that neither a part nor the base has
 */
export function assembleParts(
  form: ScanForm,
  parts: readonly ScanPart[],
  base: Tree,
  onTheWay: (path: ByteString) => DirectoryNode,
  read?: ReadFile,
): Tree {
  // A directory that no part has is as in the base.
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
      const inode = links.get(path);
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
 * Decides which names of inodes with several are in the layer: for each path its inode, or `"unchanged"`.
 *
 * The names of one inode are left out together, when each is equal to the base's and the base links exactly
 * the same names. Otherwise all of them are in the layer, because a layer can only link to what it holds. Several
 * names of one inode in an upper directory always are: copying the file up has separated it from the names that it
 * has below.
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
    for (const { path } of names) out.set(path, unchanged ? "unchanged" : inode);
  }
  return out;
}
