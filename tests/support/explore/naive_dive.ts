/**
 * The score of dive, by the steps that its source takes: trees of names in which a whiteout is a name with a prefix, put
 * on top of each other one by one.
 */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Tree, walk } from "../../../lib/tree/mod.ts";

const PREFIX = ".wh.";

/** A name in a tree. A directory without an entry of its own has no type. */
interface DiveNode {
  isDirectory: boolean;
  size: number;
  readonly children: Map<string, DiveNode>;
}

/** The parts of dive's result that varve shows. */
export interface NaiveDive {
  readonly score: number;
  readonly wastedBytes: number;
  readonly inefficient: readonly string[];
}

/** Computes the score of layers, lowest first. */
export function naiveDive(layers: readonly Tree[]): NaiveDive {
  const trees = layers.map(diveTree);
  const paths = new Map<string, number[]>();
  for (const [at, tree] of trees.entries()) {
    const stacked = newNode();
    for (const below of trees.slice(0, at)) stack(stacked, below);
    for (const { path, name, node } of leaves(tree)) {
      let size = node.size;
      if (name.startsWith(PREFIX)) {
        const before = find(stacked, path);
        // dive ends its walk over the layer here.
        if (before === undefined) continue;
        size = before.isDirectory ? total(before) : 0;
      }
      paths.set(path, [...paths.get(path) ?? [], size]);
    }
  }
  const all = [...paths.values()];
  const least = all.reduce((sum, sizes) => sum + Math.min(...sizes), 0);
  const sum = all.flat().reduce((one, size) => one + size, 0);
  const several = [...paths].filter(([, sizes]) => sizes.length > 1).map(([path, sizes]) => ({
    path,
    count: sizes.length,
    bytes: sizes.reduce((one, size) => one + size, 0),
  }));
  return {
    score: sum === 0 ? 1 : least / sum,
    wastedBytes: several.reduce((one, { bytes }) => one + bytes, 0),
    inefficient: several.map(({ path, count, bytes }) => `${path} ${count} ${bytes}`).sort(),
  };
}

function newNode(): DiveNode {
  return { isDirectory: false, size: 0, children: new Map() };
}

function diveTree(layer: Tree): DiveNode {
  const root = newNode();
  for (const { path, node } of walk(layer)) {
    const names: string[] = path.split("/");
    const name = names.pop() as string;
    const parent = names.reduce((at, one) => at.children.get(one) as DiveNode, root);
    const isLink = node.type === "file" && (node.group ?? path) !== path as ByteString;
    parent.children.set(node.type === "whiteout" ? `${PREFIX}${name}` : name, {
      isDirectory: node.type === "directory" && !node.implied,
      size: node.type === "file" && !isLink ? node.size : 0,
      children: new Map(),
    });
  }
  return root;
}

/** Nodes, children first; the path of a whiteout is that of what it removes. */
function* visit(
  node: DiveNode,
  prefix = "",
): Generator<{ readonly path: string; readonly name: string; readonly node: DiveNode }> {
  for (const [name, child] of node.children) {
    yield* visit(child, `${prefix}${name}/`);
    yield { path: prefix + name.replace(/^\.wh\./, ""), name, node: child };
  }
}

function* leaves(tree: DiveNode) {
  for (const one of visit(tree)) if (one.node.children.size === 0) yield one;
}

function stack(lower: DiveNode, upper: DiveNode): void {
  for (const { path, name, node } of visit(upper)) {
    const names = path.split("/");
    const last = names.pop() as string;
    if (name.startsWith(PREFIX)) {
      find(lower, names.join("/"))?.children.delete(last);
      continue;
    }
    let at = lower;
    for (const one of [...names, last]) {
      const next = at.children.get(one) ?? newNode();
      at.children.set(one, next);
      at = next;
    }
    at.isDirectory = node.isDirectory;
    at.size = node.size;
  }
}

function find(tree: DiveNode, path: string): DiveNode | undefined {
  let at: DiveNode | undefined = tree;
  for (const name of path.split("/").filter((one) => one !== "")) at = at?.children.get(name);
  return at;
}

function total(node: DiveNode): number {
  return [...node.children.values()].reduce((sum, child) => sum + total(child), node.size);
}
