/**
 * Figures of trees: build, memory, apply, edit, fold, walk, store and open.
 *
 *     deno run -A tests/bench/tree_bench.ts [entries] [--cpu]
 *
 * Prints a figure a line. Times are milliseconds, one thread; with `--cpu`
 * those that the thread ran, for a machine that does other things too.
 */
import type { DiffId } from "../../lib/digest/mod.ts";
import { applyLayer, diffLayer, foldLayers } from "../../lib/layer/mod.ts";
import {
  type ByteString,
  type DirectoryNode,
  editTree,
  emptyTree,
  encodeTree,
  type FileNode,
  fromText,
  lookup,
  openTree,
  timestamp,
  type Tree,
  TreeBuilder,
  verifyTree,
  walk,
} from "../../lib/tree/mod.ts";
import { type Bound, figure } from "./harness.ts";

const SOURCE = `sha256:${"ab".repeat(32)}` as DiffId;
const COMMON = { uid: 0, gid: 0, mtime: timestamp(1_700_000_000), xattrs: [] };
const DIRECTORY: DirectoryNode = {
  ...COMMON,
  mode: 0o755,
  type: "directory",
  opaque: false,
  implied: false,
};

function file(size: number): FileNode {
  return { ...COMMON, mode: 0o644, type: "file", size, digest: null, locator: null, group: null };
}

/** Gives a builder files whose content differs. */
class Filler {
  readonly builder: TreeBuilder;
  readonly #digest = new Uint8Array(32);
  made = 0;

  constructor(kind: "root" | "layer") {
    this.builder = new TreeBuilder({ kind });
  }

  directory(parent: number, name: string): number {
    this.made++;
    return this.builder.put(parent, fromText(name), DIRECTORY);
  }

  file(parent: number, name: string): void {
    const made = ++this.made;
    const id = this.builder.put(parent, fromText(name), file(made));
    const digest = this.#digest;
    digest[0] = made;
    digest[1] = made >>> 8;
    digest[2] = made >>> 16;
    digest[3] = 1;
    this.builder.content(id, digest, [{ logical: 0, length: made, position: made * 2048 }]);
  }
}

const SHAPES: Record<string, (fill: Filler, count: number) => void> = {
  tree(fill, count) {
    for (let a = 0; fill.made < count; a++) {
      const top = fill.directory(0, `package-${a}`);
      for (let b = 0; b < 16 && fill.made < count; b++) {
        const directory = fill.directory(top, `lib${b}`);
        for (let c = 0; c < 11 && fill.made < count; c++) fill.file(directory, `module_${c}.d.ts`);
      }
    }
  },
  wide(fill, count) {
    const directory = fill.directory(0, "objects");
    for (let i = 0; fill.made < count / 2; i++) {
      fill.file(directory, `${(Math.imul(i, 0x9e3779b1) >>> 0).toString(16)}-${i}`);
    }
    SHAPES.tree?.(fill, count);
  },
};

const now: () => number = Deno.args.includes("--cpu")
  ? () => Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6
  : () => performance.now();

function timed<T>(work: () => T): [number, T] {
  const start = now();
  const value = work();
  return [now() - start, value];
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1] as number;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function bytesOf(tree: Tree): number {
  return encodeTree(tree).reduce((sum, piece) => sum + piece.length, 0);
}

/** Paths that exist, spread over a tree. */
function spread(tree: Tree, count: number): ByteString[] {
  const paths: ByteString[] = [];
  const step = tree.count / count;
  let i = 0;
  for (const { path, node } of walk(tree)) {
    if (i++ >= paths.length * step && node.type === "file") paths.push(path);
  }
  return paths.slice(0, count);
}

function layerOf(paths: readonly ByteString[], turn: number): Tree {
  const edits = paths.map((path) => [path, file(0)] as const);
  const edited = new Map<ByteString, FileNode | DirectoryNode>();
  for (const [path, node] of edits) {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
      edited.set(path.slice(0, end) as ByteString, { ...DIRECTORY, implied: true });
    }
    edited.set(path, { ...node, uid: turn });
  }
  return editTree(emptyTree("layer"), edited);
}

function measure(shape: string, count: number): Record<string, number> {
  const figures: Record<string, number> = {};
  let tree = emptyTree("root");
  const builds: number[] = [];
  for (let i = 0; i < 3; i++) {
    const [time, built] = timed(() => {
      const fill = new Filler("root");
      SHAPES[shape]?.(fill, count);
      return fill.builder.finish(SOURCE);
    });
    builds.push(time);
    tree = built;
  }
  figures.entries = tree.count;
  figures.buildFirst = builds[0] as number;
  figures.build = median(builds);
  figures.bytesPerEntry = bytesOf(tree) / tree.count;
  figures.walk = timed(() => {
    let seen = 0;
    for (const { node } of walk(tree)) seen += node.type === "file" ? 1 : 0;
    return seen;
  })[0];
  const paths = spread(tree, Math.min(100, tree.count >> 1));
  figures.changes = paths.length;
  const layers = Array.from({ length: 31 }, (_, i) => layerOf(paths, i));
  const applies = layers.map((layer) => timed(() => applyLayer(tree, layer))[0]);
  figures.applyFirst = applies[0] as number;
  figures.applyWarm = median(applies.slice(1));
  const edits = layers.map((_, i) =>
    timed(() => editTree(tree, paths.map((path) => [path, { ...file(0), gid: i }])))[0]
  );
  figures.editFirst = edits[0] as number;
  figures.editWarm = median(edits.slice(1));
  const changed = applyLayer(tree, layers[1] as Tree);
  const diffs = layers.map(() => timed(() => diffLayer(tree, changed))[0]);
  figures.diffFirst = diffs[0] as number;
  figures.diffWarm = median(diffs.slice(1));
  stored(tree, paths[50] as ByteString, figures);
  figures.verify = timed(() => verifyTree(tree))[0];
  return figures;
}

function stored(tree: Tree, path: ByteString, figures: Record<string, number>): void {
  const name = Deno.makeTempFileSync();
  try {
    figures.encode = timed(() => {
      using out = Deno.openSync(name, { write: true, truncate: true });
      for (const piece of encodeTree(tree)) {
        for (let at = 0; at < piece.length;) at += out.writeSync(piece.subarray(at));
      }
    })[0];
    const opens: number[] = [];
    for (let i = 0; i < 11; i++) {
      opens.push(
        timed(() => {
          using input = Deno.openSync(name);
          const { size } = input.statSync();
          const opened = openTree({
            size,
            readSync(offset, length) {
              const bytes = new Uint8Array(length);
              input.seekSync(offset, Deno.SeekMode.Start);
              for (let at = 0; at < length;) at += input.readSync(bytes.subarray(at)) ?? length;
              return bytes;
            },
          });
          if (lookup(opened, path) === undefined) throw new Error("lost a path");
        })[0],
      );
    }
    figures.openAndLookUpFirst = opens[0] as number;
    figures.openAndLookUp = median(opens.slice(1));
  } finally {
    Deno.removeSync(name);
  }
}

function foldMany(count: number): Record<string, number> {
  const layers = Array.from({ length: 128 }, (_, i) => {
    const fill = new Filler("layer");
    const top = fill.directory(0, "usr");
    const shared = fill.directory(top, "share");
    for (let d = 0; fill.made < count / 128; d++) {
      const directory = fill.directory(shared, `doc-${(d * 7 + i) % 400}`);
      for (let c = 0; c < 12; c++) fill.file(directory, `file-${i % 5}-${c}`);
    }
    return fill.builder.finish(SOURCE);
  });
  const [time, tree] = timed(() => foldLayers(layers));
  const [pairwise, one] = timed(() => layers.reduce(applyLayer, emptyTree("root")));
  if (tree.digest !== one.digest) throw new Error("a fold is not what applying gives");
  return { layers: 128, entries: tree.count, fold: time, pairwise };
}

const count = Number(Deno.args.find((arg) => /^\d+$/.test(arg)) ?? 1_000_000);
const figures: Record<string, Record<string, number>> = {};
for (const shape of Object.keys(SHAPES)) figures[shape] = measure(shape, count);
figures.fold = foldMany(count / 4);
/** What a tree of a million entries must keep; `undefined` is told only. */
const BOUNDS: Readonly<Record<string, Bound>> = {
  build: { atMost: 2000 },
  bytesPerEntry: { atMost: 110 },
  changes: { atLeast: 100, atMost: 100 },
  applyFirst: { atMost: 25 },
  applyWarm: { atMost: 5 },
  editFirst: { atMost: 25 },
  editWarm: { atMost: 5 },
  openAndLookUp: { atMost: 2 },
};

for (const [shape, group] of Object.entries(figures)) {
  for (const [key, value] of Object.entries(group)) {
    figure(`${shape}: ${key}`, rounded(value), "", count === 1_000_000 ? BOUNDS[key] : undefined);
  }
}
