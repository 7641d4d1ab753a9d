/** What the explorer says, computed in the plainest way: from the whole root tree after each layer. */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import {
  CHANGE_KINDS,
  type ChangeKind,
  type ExploreReport,
  WASTE_CAUSES,
  type WasteCause,
} from "../../../lib/explore/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { type Node, type Tree, walk } from "../../../lib/tree/mod.ts";

interface Change {
  readonly layer: number;
  readonly path: string;
  readonly kind: ChangeKind;
  readonly bytes: number;
}

type Sums<Key extends string> = Record<Key, { count: number; bytes: number }>;

/** The parts of a report that are sums, and its lists in an order of their own. */
export interface PlainReport {
  readonly layers: readonly { readonly bytes: number; readonly changes: Sums<ChangeKind> }[];
  readonly layerBytes: number;
  readonly image: { readonly count: number; readonly bytes: number };
  readonly waste: Sums<WasteCause>;
  readonly wastedFiles: readonly string[];
  readonly duplicates: { readonly count: number; readonly bytes: number };
  readonly duplicateFiles: readonly string[];
  readonly changes: readonly string[];
}

/** A report of the explorer, to compare. */
export function plainReport(report: ExploreReport): PlainReport {
  return {
    layers: report.layers.map(({ bytes, changes }) => ({ bytes, changes })),
    layerBytes: report.layerBytes,
    image: report.image,
    waste: report.waste,
    wastedFiles: report.wastedFiles.map(({ path, layer, by, cause, bytes }) =>
      `${path} ${layer} ${by} ${cause} ${bytes}`
    ).sort(),
    duplicates: report.duplicates,
    duplicateFiles: report.duplicateFiles.map(({ size, paths }) => `${size} ${paths.length}`)
      .sort(),
    changes: Array.from(
      report.paths,
      ({ path, changes }) =>
        changes.map(({ layer, kind, bytes }) => `${path} ${layer} ${kind} ${bytes}`),
    ).flat().sort(),
  };
}

/** The same, computed from the root trees. */
export function naiveReport(trees: readonly Tree[]): PlainReport {
  const own = trees.map(nodesOf);
  const roots = trees.map((_, i) => nodesOf(foldLayers(trees.slice(0, i + 1))));
  // The layer whose entry is seen at a path, after each layer.
  const owners: Map<string, number>[] = [];
  const changes: Change[] = [];
  for (const [layer, now] of roots.entries()) {
    const before = roots[layer - 1] ?? new Map<string, Node>();
    const owner = new Map<string, number>();
    owners.push(owner);
    for (const path of new Set([...before.keys(), ...now.keys()])) {
      const [old, one] = [before.get(path), now.get(path)];
      const was = owners[layer - 1]?.get(path);
      const mine = own[layer]?.get(path);
      const isMine = mine !== undefined && !(mine.type === "directory" && mine.implied);
      const sizeIn = (at: number) => bytesAt(path, own[at]?.get(path));
      if (one === undefined) {
        changes.push({ layer, path, kind: "deleted", bytes: sizeIn(was as number) });
        continue;
      }
      const isNew = old === undefined || describe(old, false) !== describe(one, false);
      owner.set(path, isMine || isNew ? layer : was as number);
      if (old === undefined) changes.push({ layer, path, kind: "added", bytes: sizeIn(layer) });
      else if (isNew) changes.push({ layer, path, kind: "content", bytes: sizeIn(layer) });
      else if (isMine) {
        const kind = describe(old, true) === describe(one, true) ? "same" : "attributes";
        changes.push({ layer, path, kind, bytes: sizeIn(layer) });
      }
    }
  }
  const layers = trees.map((_, layer) => {
    const sums = noSums(CHANGE_KINDS);
    for (const change of changes.filter((one) => one.layer === layer)) {
      add(sums[change.kind], change.bytes);
    }
    const bytes = inodesOf(own[layer] as Map<string, Node>).reduce(
      (sum, { size }) => sum + size,
      0,
    );
    return { bytes, changes: sums };
  });
  const shown = roots.at(-1) as Map<string, Node>;
  const last = owners.at(-1) as Map<string, number>;
  const waste = noSums(WASTE_CAUSES);
  const wastedFiles: string[] = [];
  for (const [layer, nodes] of own.entries()) {
    for (const { names, size } of inodesOf(nodes)) {
      if (names.some((name) => last.get(name) === layer)) continue;
      const ends = names.map((path) => {
        const by = owners.findIndex((owner, i) => i > layer && owner.get(path) !== layer);
        const change = changes.find((one) => one.layer === by && one.path === path);
        return { path, by, kind: change?.kind };
      });
      const latest = Math.max(...ends.map(({ by }) => by));
      const end = ends.filter(({ by }) => by === latest).sort((a, b) =>
        walkOrder(a.path, b.path)
      )[0] as typeof ends[number];
      const cause = end.kind === "deleted"
        ? "deleted"
        : end.kind === "content"
        ? "overwritten"
        : "copied";
      add(waste[cause], size);
      if (size > 0) wastedFiles.push(`${end.path} ${layer} ${end.by} ${cause} ${size}`);
    }
  }
  const inodes = inodesOf(shown).filter(({ size }) => size > 0);
  const byContent = Map.groupBy(inodes, ({ digest }) => digest);
  const twice = [...byContent.values()].filter((same) => same.length > 1);
  return {
    layers,
    layerBytes: layers.reduce((sum, { bytes }) => sum + bytes, 0),
    image: { count: shown.size, bytes: inodes.reduce((sum, { size }) => sum + size, 0) },
    waste,
    wastedFiles: wastedFiles.sort(),
    duplicates: {
      count: twice.reduce((sum, same) => sum + same.length - 1, 0),
      bytes: twice.reduce((sum, same) => sum + (same.length - 1) * (same[0]?.size ?? 0), 0),
    },
    duplicateFiles: twice.map((same) => `${same[0]?.size} ${same.length}`).sort(),
    changes: changes.map(({ path, layer, kind, bytes }) => `${path} ${layer} ${kind} ${bytes}`)
      .sort(),
  };
}

function nodesOf(tree: Tree): Map<string, Node> {
  return new Map(Array.from(walk(tree), ({ path, node }) => [path, node]));
}

/** The files of a tree by inode. */
function inodesOf(nodes: ReadonlyMap<string, Node>) {
  const inodes = new Map<string, { names: string[]; size: number; digest: string }>();
  for (const [path, node] of nodes) {
    if (node.type !== "file") continue;
    const key = node.group ?? path;
    const inode = inodes.get(key) ?? { names: [], size: node.size, digest: String(node.digest) };
    inodes.set(key, inode);
    inode.names.push(path);
  }
  return [...inodes.values()];
}

/** A node as text: its content, and its attributes if wanted. */
function describe(node: Node, attributes: boolean): string {
  const all: Record<string, unknown> = { ...node };
  const { type, size, digest, target, major, minor, mode, uid, gid, mtime, xattrs } = all;
  const content = { type, size, digest: String(digest), target, major, minor };
  return JSON.stringify(attributes ? { ...content, mode, uid, gid, mtime, xattrs } : content);
}

function bytesAt(path: string, node: Node | undefined): number {
  if (node?.type !== "file") return 0;
  return node.group === null || node.group === path as ByteString ? node.size : 0;
}

function noSums<Key extends string>(keys: readonly Key[]): Sums<Key> {
  return Object.fromEntries(keys.map((key) => [key, { count: 0, bytes: 0 }])) as Sums<Key>;
}

function add(sum: { count: number; bytes: number }, bytes: number): void {
  sum.count++;
  sum.bytes += bytes;
}

/** Compares paths name by name, as a walk does. */
function walkOrder(a: string, b: string): number {
  const [one, other] = [a.replaceAll("/", "\0"), b.replaceAll("/", "\0")];
  return one < other ? -1 : one > other ? 1 : 0;
}
