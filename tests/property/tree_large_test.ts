// Directories that are cut into leaves: the digest depends only on the content, not on how it was made.
import { assertEquals } from "@std/assert";
import { applyLayer, diffLayer, diffTrees, foldLayers, squashLayers } from "../../lib/layer/mod.ts";
import {
  type ByteString,
  decodeTree,
  editTree,
  encodeTree,
  fromText,
  list,
  lookup,
  type Node,
  type Tree,
  TreeBuilder,
  verifyTree,
} from "../../lib/tree/mod.ts";
import { type Random, random, randomFile } from "../support/trees/random_tree.ts";

const CASES = 1000;
const NAMES = Array.from({ length: 1500 }, (_, i) => `entry-${(i * 7919) % 1500}.d` as ByteString);
const WHITEOUT: Node = { type: "whiteout" };

function build(entries: ReadonlyMap<ByteString, Node>, kind: "root" | "layer"): Tree {
  const builder = new TreeBuilder({ kind });
  for (const [name, node] of entries) builder.put(builder.root, name, node);
  return builder.finish(null);
}

function randomEntries(r: Random, nodes: readonly Node[]): Map<ByteString, Node> {
  const entries = new Map<ByteString, Node>();
  const dense = 1 + r(6);
  const from = r(NAMES.length);
  const to = from + r(NAMES.length);
  for (let i = from; i < to; i++) {
    if (r(dense) > 0) continue;
    entries.set(NAMES[i % NAMES.length] as ByteString, nodes[r(nodes.length)] as Node);
  }
  return entries;
}

Deno.test("edits, layers and differences of large directories are canonical", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 3_000_000);
    const nodes = Array.from({ length: 4 }, () => randomFile(r));
    const a = randomEntries(r, nodes);
    const before = build(a, "root");
    const b = new Map(a);
    const edits: [ByteString, Node | null][] = [];
    const layer = new Map<ByteString, Node>();
    for (let i = r(4) === 0 ? r(1000) : r(5); i >= 0; i--) {
      const name = NAMES[r(NAMES.length)] as ByteString;
      const node = r(2) === 0 ? null : nodes[r(4)] as Node;
      edits.push([name, node]);
      layer.set(name, node ?? WHITEOUT);
      if (node === null) b.delete(name);
      else b.set(name, node);
    }
    const after = build(b, "root");
    assertEquals(editTree(before, edits).digest, after.digest, `edit, seed ${seed}`);
    const applied = applyLayer(before, build(layer, "layer"));
    assertEquals(applied.digest, after.digest, `apply, seed ${seed}`);
    const diff = diffLayer(before, after);
    assertEquals(applyLayer(before, diff).digest, after.digest, `diff, seed ${seed}`);
    const told = [...diffTrees(before, after)].length;
    assertEquals(told, diff.count, `changes, seed ${seed}`);
    if (seed % 10 > 0) continue;
    verifyTree(applied);
    for (const { name, node } of list(after, fromText("/"))) {
      assertEquals(lookup(applied, name), node, `lookup, seed ${seed}`);
    }
  }
});

Deno.test("folding and squashing layers over large directories gives the same tree", () => {
  for (let seed = 0; seed < 100; seed++) {
    const r = random(seed + 4_000_000);
    const nodes: Node[] = [...Array.from({ length: 4 }, () => randomFile(r)), WHITEOUT];
    const layers = Array.from({ length: 2 + r(4) }, () => build(randomEntries(r, nodes), "layer"));
    const one = layers.reduce(applyLayer, build(new Map(), "root"));
    assertEquals(foldLayers(layers).digest, one.digest, `fold, seed ${seed}`);
    const squashed = squashLayers(layers);
    verifyTree(squashed);
    assertEquals(foldLayers([squashed]).digest, one.digest, `squash, seed ${seed}`);
    const file = new Uint8Array(encodeTree(squashed).flatMap((piece) => [...piece]));
    assertEquals(decodeTree(file).digest, squashed.digest, `file, seed ${seed}`);
  }
});
