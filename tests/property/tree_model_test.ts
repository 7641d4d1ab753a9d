import { assertEquals } from "@std/assert";
import { applyLayer, diffLayer, diffTrees, foldLayers, squashLayers } from "../../lib/layer/mod.ts";
import { editTree, emptyTree, rootOf, type Tree } from "../../lib/tree/mod.ts";
import {
  applyModel,
  cloneModel,
  emptyModel,
  type Item,
  listModel,
  listTree,
  treeOf,
} from "../support/trees/model_tree.ts";
import { mutate, random, randomModel } from "../support/trees/random_tree.ts";

const CASES = 1000;

/** Asserts that two values are equal. Calls `assertEquals`, which is slow, only when their texts differ. */
function assertSame(actual: unknown, expected: unknown, seed: number): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    assertEquals(actual, expected, `seed ${seed}`);
    throw new Error(`seed ${seed}: the order of keys differs`);
  }
}

function assertModel(tree: Tree, model: Item, seed: number): void {
  assertSame(listTree(tree), listModel(model), seed);
  assertEquals(rootOf(tree) as unknown, model.inode.node, `root, seed ${seed}`);
  const rebuilt = treeOf(model, tree.kind);
  assertEquals(tree.digest, rebuilt.digest, `digest, seed ${seed}`);
  assertEquals(tree.count, rebuilt.count, `count, seed ${seed}`);
}

Deno.test("a walk gives what was built", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed);
    const kind = r(2) === 0 ? "layer" : "root";
    const model = randomModel(r, kind, r(60));
    assertModel(treeOf(model, kind), model, seed);
  }
});

Deno.test("applying a layer gives the tree of the model", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 10_000);
    const base = randomModel(r, "root", r(40));
    const layer = randomModel(r, "layer", r(40));
    const applied = applyLayer(treeOf(base, "root"), treeOf(layer, "layer"));
    assertModel(applied, applyModel(base, layer), seed);
  }
});

Deno.test("a fold equals applying layers one after another", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 20_000);
    const models = Array.from({ length: r(6) }, () => randomModel(r, "layer", r(25)));
    const trees = models.map((model) => treeOf(model, "layer"));
    let one = emptyTree("root");
    let model = emptyModel("root");
    const parts = [one];
    for (const [i, layer] of trees.entries()) {
      parts.push(one = applyLayer(one, layer));
      model = applyModel(model, models[i] as Item);
    }
    const fold = foldLayers(trees);
    assertModel(one, model, seed);
    assertEquals(fold.digest, one.digest, `seed ${seed}`);
    assertSame(listTree(fold), listTree(one), seed);
    const at = r(parts.length);
    const onPart = foldLayers(trees.slice(at), parts[at]);
    assertEquals(onPart.digest, one.digest, `seed ${seed}, on ${at} layers`);
    assertSame(listTree(onPart), listTree(one), seed);
  }
});

Deno.test("a difference applied to the first tree gives the second", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 30_000);
    const a = randomModel(r, "root", r(50));
    const b = r(5) === 0 ? randomModel(r, "root", r(50)) : cloneModel(a);
    mutate(r, b, r(8));
    const before = treeOf(a, "root");
    const after = treeOf(b, "root");
    const layer = diffLayer(before, after);
    const applied = applyLayer(before, layer);
    assertEquals(applied.digest, after.digest, `seed ${seed}`);
    assertEquals(listTree(applied).map(([path]) => path), listTree(after).map(([path]) => path));
  }
});

Deno.test("differences applied as an edit lead to the other tree and back", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 40_000);
    const a = randomModel(r, "root", r(50));
    const b = cloneModel(a);
    mutate(r, b, r(8));
    const before = treeOf(a, "root");
    const after = treeOf(b, "root");
    const forth = editTree(
      before,
      [...diffTrees(before, after)].map((c) => [c.path, c.after ?? null]),
    );
    assertEquals(forth.digest, after.digest, `forth, seed ${seed}`);
    const back = editTree(
      forth,
      [...diffTrees(forth, before)].map((c) => [c.path, c.after ?? null]),
    );
    assertEquals(back.digest, before.digest, `back, seed ${seed}`);
  }
});

Deno.test("a squash has the effect of its layers, on any base", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 50_000);
    const base = treeOf(withoutLinks(randomModel(r, "root", r(30))), "root");
    const layers = Array.from(
      { length: 1 + r(4) },
      () => treeOf(withoutLinks(randomModel(r, "layer", r(25))), "layer"),
    );
    const one = layers.reduce(applyLayer, base);
    const squashed = squashLayers(layers);
    assertEquals(squashed.kind, "layer");
    assertEquals(applyLayer(base, squashed).digest, one.digest, `seed ${seed}`);
    assertEquals(foldLayers([squashed]).digest, foldLayers(layers).digest, `fold, seed ${seed}`);
  }
});

/** Removes the symbolic links of a base: a squash cannot keep what an implied directory over one of them would show. */
function withoutLinks(root: Item): Item {
  for (const [name, child] of root.children) {
    if (child.inode.node.type === "symlink") root.children.delete(name);
    withoutLinks(child);
  }
  return root;
}
