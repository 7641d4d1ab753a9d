/**
 * A second implementation of trees to test the first one against: slow and plain, nested maps of
 * nodes, without the packed form.
 */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { type Node, type Tree, TreeBuilder, walk } from "../../../lib/tree/mod.ts";

/** An inode of the model: hard links are the same object. */
export interface Inode {
  node: Node;
}

/** A name of the model, and what it names. */
export interface Item {
  inode: Inode;
  /** The names in a directory; empty for all else. */
  children: Map<string, Item>;
}

/** The attributes of a root that no layer describes. */
export const DEFAULTS: Node = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { lo: 0, hi: 0, ns: 0 },
  xattrs: [],
  opaque: false,
  implied: false,
};

export function item(node: Node): Item {
  return { inode: { node }, children: new Map() };
}

export function emptyModel(kind: "layer" | "root"): Item {
  return item(kind === "root" ? DEFAULTS : { ...DEFAULTS, implied: true } as Node);
}

export function isDirectory(it: Item): boolean {
  return it.inode.node.type === "directory";
}

function flag(it: Item, name: "opaque" | "implied"): boolean {
  const node = it.inode.node;
  return node.type === "directory" && node[name];
}

/** Copies names; inodes that were shared stay shared in the copy. */
export function cloneModel(it: Item, seen: Map<Inode, Inode> = new Map()): Item {
  let inode = seen.get(it.inode);
  if (inode === undefined) seen.set(it.inode, inode = { node: it.inode.node });
  const copy: Item = { inode, children: new Map() };
  for (const [name, child] of it.children) copy.children.set(name, cloneModel(child, seen));
  return copy;
}

/** Follows symbolic links inside the model. */
export function resolveModel(root: Item, path: string): Item | undefined {
  let links = 0;
  const way: Item[] = [];
  const left = path.split("/").filter((n) => n !== "" && n !== ".").reverse();
  while (left.length > 0) {
    const name = left.pop() as string;
    if (name === "..") {
      way.pop();
      continue;
    }
    const at = way.at(-1) ?? root;
    if (!isDirectory(at)) return undefined;
    const next = at.children.get(name);
    if (next === undefined) return undefined;
    const node = next.inode.node;
    if (node.type === "symlink") {
      if (++links > 40) return undefined;
      if (node.target.startsWith("/")) way.length = 0;
      left.push(...node.target.split("/").filter((n) => n !== "" && n !== ".").reverse());
      continue;
    }
    way.push(next);
  }
  return way.at(-1) ?? root;
}

function cleared(node: Node): Node {
  return node.type === "directory" ? { ...node, opaque: false, implied: false } : node;
}

/** Applies a layer to a root, by the rules of layers, into a new model. */
export function applyModel(base: Item, layer: Item): Item {
  const upper = cloneModel(layer);
  const lower = cloneModel(base);
  const over = (
    below: Item | undefined,
    above: Item,
    path: string,
    overLink: boolean,
    inOpaque: boolean,
  ): Item | undefined => {
    const node = above.inode.node;
    if (node.type === "whiteout") return undefined;
    if (node.type !== "directory") return above;
    const onLink = below?.inode.node.type === "symlink";
    let attributes: Node = node;
    if (flag(above, "implied")) {
      attributes = DEFAULTS;
      if (below !== undefined && isDirectory(below)) attributes = below.inode.node;
      else if (onLink || overLink || inOpaque) {
        const found = resolveModel(base, path);
        if (found !== undefined && isDirectory(found)) attributes = found.inode.node;
      }
    }
    const shows = below !== undefined && isDirectory(below) && !flag(above, "opaque");
    const out: Item = { inode: { node: cleared(attributes) }, children: new Map() };
    if (shows) { for (const [name, child] of below.children) out.children.set(name, child); }
    for (const [name, child] of above.children) {
      const merged = over(
        shows ? below.children.get(name) : undefined,
        child,
        path === "" ? name : `${path}/${name}`,
        overLink || onLink,
        inOpaque || flag(above, "opaque"),
      );
      if (merged === undefined) out.children.delete(name);
      else out.children.set(name, merged);
    }
    return out;
  };
  return over(lower, upper, "", false, false) as Item;
}

/** A model as `path → node`, groups derived, in the order of a walk. */
export function listModel(root: Item): [string, Node][] {
  const members = new Map<Inode, string[]>();
  const rows: [string, Item][] = [];
  const visit = (it: Item, prefix: string): void => {
    for (const name of [...it.children.keys()].sort((a, b) => a < b ? -1 : 1)) {
      const child = it.children.get(name) as Item;
      const path = prefix + name;
      rows.push([path, child]);
      if (isDirectory(child)) visit(child, path + "/");
      else members.set(child.inode, [...members.get(child.inode) ?? [], path]);
    }
  };
  visit(root, "");
  return rows.map(([path, it]) => {
    const { node } = it.inode;
    if (node.type === "directory" || node.type === "whiteout") return [path, node];
    const names = (members.get(it.inode) as string[]).toSorted((a, b) => a < b ? -1 : 1);
    return [path, { ...node, group: names.length > 1 ? names[0] as ByteString : null }];
  });
}

/** A tree as the same list. */
export function listTree(tree: Tree): [string, Node][] {
  return Array.from(walk(tree), ({ path, node }) => [path, node]);
}

/** A model as a tree, built entry by entry. */
export function treeOf(root: Item, kind: "layer" | "root", source: DiffId | null = null): Tree {
  const builder = new TreeBuilder({ kind });
  builder.update(builder.root, root.inode.node);
  const seen = new Map<Inode, number>();
  const visit = (it: Item, directory: number): void => {
    for (const [name, child] of it.children) {
      const known = seen.get(child.inode);
      if (known !== undefined) {
        builder.link(directory, name as ByteString, known);
        continue;
      }
      const id = builder.put(directory, name as ByteString, child.inode.node);
      if (isDirectory(child)) visit(child, id);
      else if (child.inode.node.type !== "whiteout") seen.set(child.inode, id);
    }
  };
  visit(root, builder.root);
  return builder.finish(source);
}
