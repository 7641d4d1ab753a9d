import { assertEquals, assertThrows } from "@std/assert";
import { applyLayer, diffLayer, type DiffOptions, diffTrees } from "../../../lib/layer/mod.ts";
import {
  editTree,
  emptyTree,
  lookup,
  type Node,
  rootOf,
  type Tree,
  TreeBuilder,
  walk,
} from "../../../lib/tree/mod.ts";
import { b, dir, file } from "../../support/trees/tree_nodes.ts";

function root(entries: Record<string, Node>): Tree {
  return editTree(
    emptyTree("root"),
    Object.entries(entries).map(([path, node]) => [b(path), node] as const),
  );
}

function told(a: Tree, z: Tree, options?: DiffOptions): string[] {
  return Array.from(diffTrees(a, z, options), ({ kind, path }) => `${kind} ${path}`);
}

Deno.test("a deep difference lists what stood below a deleted or replaced directory", () => {
  const a = root({
    ...{ gone: dir(), "gone/d": dir(), "gone/d/f": file(1), "gone/e": file(2) },
    ...{ now: dir(), "now/x": file(1), later: file(3) },
  });
  const z = root({ now: file(9), later: dir(), "later/y": file(1) });
  const shallow = ["delete gone", "modify later", "add later/y", "modify now"];
  assertEquals(told(a, z), shallow);
  assertEquals(told(a, z, { deep: true }), [
    ...["delete gone", "delete gone/d", "delete gone/d/f", "delete gone/e"],
    ...["modify later", "add later/y", "modify now", "delete now/x"],
  ]);
  const deleted = [...diffTrees(a, z, { deep: true })].find(({ path }) => path === "gone/d/f");
  assertEquals([deleted?.before, deleted?.after], [lookup(a, b("gone/d/f")), undefined]);
});

Deno.test("a difference says what changed and the way there", () => {
  const a = root({ a: dir(), "a/x": file(1), "a/y": file(2), keep: dir(), "keep/z": file(1) });
  const z = editTree(a, [[b("a/x"), null], [b("a/y"), file(3)], [b("n"), dir()], [
    b("n/f"),
    file(1),
  ]]);
  const layer = diffLayer(a, z);
  assertEquals(
    Array.from(walk(layer), ({ path, node }) => `${node.type} ${path}`),
    ["directory a", "whiteout a/x", "file a/y", "directory n", "file n/f"],
  );
  assertEquals(lookup(layer, b("a")), dir());
  assertEquals(rootOf(layer).implied, true);
  assertEquals(applyLayer(a, layer).digest, z.digest);
  assertEquals(told(a, z), ["delete a/x", "modify a/y", "add n", "add n/f"]);
  assertEquals(told(z, a), ["add a/x", "modify a/y", "delete n"]);
});

Deno.test("no difference is the empty layer", () => {
  const a = root({ a: dir(), "a/x": file(1) });
  assertEquals(diffLayer(a, root({ a: dir(), "a/x": file(1) })).digest, emptyTree("layer").digest);
  assertEquals(told(a, a), []);
});

Deno.test("the place of the content in the archive is not a difference", () => {
  const build = (position: number) => {
    const builder = new TreeBuilder({ kind: "root" });
    builder.content(builder.put(0, b("f"), file(1)), new Uint8Array(32).fill(3), [
      { logical: 0, length: 1, position },
    ]);
    return builder.finish(null);
  };
  assertEquals(told(build(1), build(2)), []);
});

Deno.test("attributes of directories and of the root are differences", () => {
  const a = root({ a: dir(), "a/x": file(1) });
  const z = editTree(a, [[b("a"), dir({ mode: 0o700 })], [b(""), dir({ uid: 5 })]]);
  assertEquals(told(a, z), ["modify ", "modify a"]);
  const layer = diffLayer(a, z);
  assertEquals(rootOf(layer), dir({ uid: 5 }));
  assertEquals(layer.count, 1);
  assertEquals(applyLayer(a, layer).digest, z.digest);
});

Deno.test("a change of type is a modification", () => {
  const a = root({ a: dir(), "a/x": file(1), f: file(1) });
  const z = root({ a: file(1), f: dir(), "f/y": file(1) });
  assertEquals(told(a, z), ["modify a", "modify f", "add f/y"]);
  const layer = diffLayer(a, z);
  assertEquals(Array.from(walk(layer), ({ path }) => path as string), ["a", "f", "f/y"]);
  assertEquals(applyLayer(a, layer).digest, z.digest);
});

Deno.test("the layer holds all names of a changed link group, also where nothing else changed", () => {
  const linked = file(1, 1, { group: b("a/x") });
  const a = root({ a: dir({ uid: 1 }), "a/x": linked, "a/y": linked, z: dir() });
  const z = editTree(a, [[b("z/new"), linked]]);
  const layer = diffLayer(a, z);
  assertEquals(
    Array.from(walk(layer), ({ path }) => path as string),
    ["a", "a/x", "a/y", "z", "z/new"],
  );
  assertEquals(lookup(layer, b("a")), dir({ uid: 1 }));
  assertEquals(lookup(layer, b("z/new")), linked);
  assertEquals(applyLayer(a, layer).digest, z.digest);
});

Deno.test("only root trees can be compared", () => {
  assertThrows(() => diffLayer(emptyTree("layer"), emptyTree("root")), TypeError);
});
