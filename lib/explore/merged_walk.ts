import type { ByteString } from "../bytes/mod.ts";
import { type Node, rootRow, type Rows, type Tree } from "../tree/mod.ts";

/** The entry of one layer at a path. */
export interface LayerEntry {
  /** Index of the layer; 0 is the lowest. */
  readonly layer: number;
  readonly node: Node;
  /** Whether it is a directory that has entries in this layer. */
  readonly hasEntries: boolean;
}

/** A path with the entries of all layers that have it. */
export interface MergedPath {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** Last name of the path. */
  readonly name: ByteString;
  /** Number of names in the path. */
  readonly depth: number;
  /** Lowest layer first; at least one. */
  readonly entries: readonly LayerEntry[];
  /** Layers that hide what the layers below them have here, by an ancestor of the path. Ascending. */
  readonly cuts: readonly number[];
}

/** The entries of one layer in a directory. */
interface LayerCursor {
  readonly layer: number;
  readonly rows: Rows;
  /** Name of the current entry; `undefined` after the last one. */
  name: ByteString | undefined;
}

interface Frame {
  readonly cursors: readonly LayerCursor[];
  readonly prefix: string;
  readonly cuts: readonly number[];
}

/**
 * Walks several layer trees, lowest first, as if they were one: a directory comes before its entries, and these are
 * sorted by the bytes of their names. Needs little memory, whatever the size of the trees.
 */
export function* mergedWalk(trees: readonly Tree[]): Generator<MergedPath> {
  // A stack, not recursion: hostile input can make a tree of any depth.
  const cuts = trees.flatMap((tree, layer) => rootRow(tree).opaque ? [layer] : []);
  const stack: Frame[] = [{ cursors: cursorsOf(trees), prefix: "", cuts }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { cursors, prefix, cuts } = top;
    const name = leastName(cursors);
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const path = prefix + name as ByteString;
    const entries: LayerEntry[] = [];
    const below: LayerCursor[] = [];
    for (const cursor of cursors) {
      if (cursor.name !== name) continue;
      const { layer, rows } = cursor;
      const inside = rows.entries();
      entries.push({ layer, node: rows.node(), hasEntries: inside !== null });
      if (inside !== null) below.push({ layer, rows: inside, name: inside.name });
      rows.next();
      cursor.name = rows.valid ? rows.name : undefined;
    }
    yield { path, name, depth: stack.length, entries, cuts };
    if (below.length === 0) continue;
    stack.push({ cursors: below, prefix: `${path}/`, cuts: cutsBelow(cuts, entries) });
  }
}

function cursorsOf(trees: readonly Tree[]): LayerCursor[] {
  return trees.flatMap((tree, layer) => {
    const rows = rootRow(tree).entries();
    return rows === null ? [] : [{ layer, rows, name: rows.name }];
  });
}

function leastName(cursors: readonly LayerCursor[]): ByteString | undefined {
  let least: ByteString | undefined;
  for (const { name } of cursors) {
    if (name !== undefined && (least === undefined || name < least)) least = name;
  }
  return least;
}

/** A whiteout, an opaque directory, and anything that is no directory hide what lower layers have below the path. */
function cutsBelow(cuts: readonly number[], entries: readonly LayerEntry[]): readonly number[] {
  const own = entries.filter(({ node }) => node.type !== "directory" || node.opaque);
  if (own.length === 0) return cuts;
  return [...new Set([...cuts, ...own.map(({ layer }) => layer)])].sort((a, b) => a - b);
}
