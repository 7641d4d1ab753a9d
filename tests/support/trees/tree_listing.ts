/** Listings of root trees, in the form in which `listing` lists directories. */
import { escapeForTerminal, toHex } from "../../../lib/bytes/mod.ts";
import { type Node, rootOf, type Tree, walk } from "../../../lib/tree/mod.ts";

/** The listing of the directory that a root tree describes; with numbers of links where `withLinks`. */
export function treeListing(tree: Tree, withLinks: boolean): Map<string, string> {
  const names = new Map<string, number>();
  for (const { node } of walk(tree)) {
    const group = groupOf(node);
    if (group !== null) names.set(group, (names.get(group) ?? 0) + 1);
  }
  const line = (node: Node) => lineOf(node, withLinks ? names.get(groupOf(node) ?? "") ?? 1 : null);
  const out = new Map([[".", line(rootOf(tree))]]);
  for (const { path, node } of walk(tree)) out.set(escapeForTerminal(path), line(node));
  return new Map([...out].sort(([a], [b]) => a < b ? -1 : 1));
}

/** A listing without numbers of links, which overlays count differently. */
export function withoutLinks(listing: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...listing].map(([path, line]) => [path, line.replace(/ n\d+ /, " ")]));
}

/** Sorted by path. */
export function sorted(listing: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...listing].sort(([a], [b]) => a < b ? -1 : 1));
}

function groupOf(node: Node): string | null {
  return node.type === "directory" || node.type === "whiteout" ? null : node.group;
}

function lineOf(node: Node, links: number | null): string {
  if (node.type === "whiteout") throw new TypeError("Cannot list a whiteout: not in a root tree");
  const { mtime } = node;
  // Linux gives every symbolic link this mode.
  const mode = node.type === "symlink" ? 0o777 : node.mode;
  return [
    node.type,
    mode.toString(8).padStart(4, "0"),
    `${node.uid}:${node.gid}`,
    ...(links === null || node.type === "directory" ? [] : [`n${links}`]),
    ...(node.type === "char" || node.type === "block" ? [`${node.major}:${node.minor}`] : []),
    `${mtime.hi * 2 ** 32 + mtime.lo}.${String(mtime.ns).padStart(9, "0")}`,
    ...(node.type === "symlink" ? [`-> ${escapeForTerminal(node.target)}`] : []),
    ...(node.type === "file"
      ? [`${node.size} ${node.digest === null ? "e3b0c44298fc" : toHex(node.digest).slice(0, 12)}`]
      : []),
    ...node.xattrs.map(({ name, value }) => `${name}=${escapeForTerminal(value)}`),
  ].join(" ");
}
