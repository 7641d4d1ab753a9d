/** Random models of trees, the same for the same seed. */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import type { Node } from "../../../lib/tree/mod.ts";
import { prng } from "../prng.ts";
import { emptyModel, isDirectory, type Item, item } from "./model_tree.ts";

/** Gives a random integer from 0 to `n` − 1. */
export type Random = (n: number) => number;

export function random(seed: number): Random {
  const source = prng(seed);
  return (n) => source.int(0, n);
}

const NAMES = ["a", "b", "c", "d", "lib", "lib64", "a-b", "\xff\xfe", "usr", "x y", "0", "abcde"];
const SOURCES = ["11", "22", "33"].map((byte) => `sha256:${byte.repeat(32)}` as DiffId);

export function randomName(r: Random): ByteString {
  return NAMES[r(NAMES.length)] as ByteString;
}

function attributes(r: Random) {
  return {
    mode: [0o755, 0o644, 0o4711, 0][r(4)] as number,
    uid: [0, 1000, 4294967294][r(3)] as number,
    gid: r(3),
    mtime: { lo: r(5), hi: [0, -1, 7][r(3)] as number, ns: [0, 999999999][r(2)] as number },
    xattrs: r(6) === 0
      ? [
        { name: "security.capability" as ByteString, value: "\x01\x00\x00" as ByteString },
        { name: "user.a" as ByteString, value: "" as ByteString },
      ]
      : [],
  };
}

export function randomDirectory(r: Random, kind: "layer" | "root"): Node {
  const implied = kind === "layer" && r(3) === 0;
  return {
    type: "directory",
    ...(implied
      ? { mode: 0o755, uid: 0, gid: 0, mtime: { lo: 0, hi: 0, ns: 0 }, xattrs: [] }
      : attributes(r)),
    opaque: kind === "layer" && r(8) === 0,
    implied,
  };
}

export function randomFile(r: Random): Node {
  const size = [0, 1, 5000, 2 ** 40 + 3][r(4)] as number;
  const source = SOURCES[r(SOURCES.length)] as DiffId;
  const sparse = size > 1 && r(3) === 0;
  const hole = sparse && r(3) === 0;
  return {
    type: "file",
    ...attributes(r),
    group: null,
    size,
    digest: size === 0 ? null : new Uint8Array(32).fill(1 + r(3)),
    locator: r(8) === 0 ? null : {
      source,
      extents: size === 0 || hole ? [] : sparse
        ? [
          { logical: 1, length: 1, position: 512 * r(9) },
          { logical: 4, length: size - 4, position: 2 ** 33 + r(99) },
        ].filter((extent) => extent.length > 0 && extent.logical + extent.length <= size)
        : [{ logical: 0, length: size, position: 512 * r(1000) }],
    },
  };
}

export function randomLeaf(r: Random, kind: "layer" | "root"): Node {
  const type = r(kind === "layer" ? 10 : 8);
  if (type < 4) return randomFile(r);
  if (type < 6) {
    const target = ["a", "/usr", "../lib", "b/c", "/lib/a", "."][r(6)] as ByteString;
    return { type: "symlink", ...attributes(r), group: null, target };
  }
  if (type === 6) return { type: "fifo", ...attributes(r), group: null };
  if (type === 7) {
    return { type: "char", ...attributes(r), group: null, major: r(4096), minor: r(1 << 20) };
  }
  return { type: "whiteout" };
}

/** A random model of about `size` names, with hard links across directories. */
export function randomModel(r: Random, kind: "layer" | "root", size: number): Item {
  const root = emptyModel(kind);
  if (r(3) === 0) root.inode.node = { ...randomDirectory(r, kind), opaque: false } as Node;
  grow(r, root, kind, size);
  return root;
}

/** Adds random names to a model. */
export function grow(r: Random, root: Item, kind: "layer" | "root", size: number): void {
  const directories: Item[] = [];
  const leaves: Item[] = [];
  const collect = (it: Item): void => {
    directories.push(it);
    for (const child of it.children.values()) {
      if (isDirectory(child)) collect(child);
      else if (child.inode.node.type !== "whiteout") leaves.push(child);
    }
  };
  collect(root);
  for (let i = 0; i < size; i++) {
    const directory = directories[r(directories.length)] as Item;
    const name = r(5) === 0 ? `${randomName(r)}${r(40)}` : randomName(r);
    if (directory.children.has(name)) continue;
    const what = r(9);
    if (what < 3) {
      const child = item(randomDirectory(r, kind));
      directory.children.set(name, child);
      directories.push(child);
    } else if (leaves.length > 0 && what < 5) {
      const target = leaves[r(leaves.length)] as Item;
      directory.children.set(name, { inode: target.inode, children: new Map() });
    } else {
      const child = item(randomLeaf(r, kind));
      directory.children.set(name, child);
      if (child.inode.node.type !== "whiteout") leaves.push(child);
    }
  }
}

/** Changes a root model at random, in place. */
export function mutate(r: Random, root: Item, size: number): void {
  const places: [Item, string][] = [];
  const collect = (it: Item): void => {
    for (const [name, child] of it.children) {
      places.push([it, name]);
      if (isDirectory(child)) collect(child);
    }
  };
  collect(root);
  for (let i = 0; i < size && places.length > 0; i++) {
    const [directory, name] = places[r(places.length)] as [Item, string];
    const old = directory.children.get(name);
    if (old === undefined) continue;
    const what = r(4);
    if (what === 0) directory.children.delete(name);
    else if (what === 1) directory.children.set(name, item(randomLeaf(r, "root")));
    else if (what === 2 && isDirectory(old)) old.inode.node = randomDirectory(r, "root");
    else if (what === 2) directory.children.set(name, item(old.inode.node));
    else directory.children.set(name, item(randomDirectory(r, "root")));
  }
  grow(r, root, "root", size);
}
