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

/** Reads a file for its digest; may give it new attributes. */
export type ReadFile = (path: ByteString, node: FileNode) => FileNode;

/**
 * Puts the parts of a scan together as one layer tree. The contents of its files
 * are not told, unless `read` does that.
 *
 * @param base the root tree that the parts were compared with
 * @param onTheWay tells a directory that the base does not have and no part told
 */
export function assembleParts(
  form: ScanForm,
  parts: readonly ScanPart[],
  base: Tree,
  onTheWay: (path: ByteString) => DirectoryNode,
  read?: ReadFile,
): Tree {
  // What nobody told is as in the base.
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
      const id = built.leaf(path, told(path, node, read));
      if (inode !== undefined) first.set(inode, id);
    }
  }
  return built.builder.finish(null);
}

function told(
  path: ByteString,
  node: Exclude<Node, DirectoryNode>,
  read: ReadFile | undefined,
): Exclude<Node, DirectoryNode> {
  return node.type === "file" && node.size > 0 && read !== undefined ? read(path, node) : node;
}

/**
 * What becomes of names that share inodes: for each path its inode, or that its whole group is as in the base.
 *
 * A group is as in the base when all its names are and are told by the same label there; else
 * it comes with all its names, since a layer can only link to what it holds. A group in an upper
 * directory always differs: names that the lower's group has beside it are no longer linked to it.
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
