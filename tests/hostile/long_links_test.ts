/** Hard links whose paths are so long that V8 takes all of them for equal hashes. */
import { assertEquals, assertLess, assertThrows } from "@std/assert";
import type { ByteString } from "../../lib/bytes/mod.ts";
import { usage } from "../../lib/cli/files/usage.ts";
import { writeErofs } from "../../lib/codec/erofs/mod.ts";
import { treeEntries } from "../../lib/codec/tar/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { applyLayer, foldLayers } from "../../lib/layer/mod.ts";
import { editTree, lookup, rootOf, type Tree, TreeBuilder, walk } from "../../lib/tree/mod.ts";
import { b, dir, file } from "../support/trees/tree_nodes.ts";

const DEPTH = 70;
const ABOVE = `${"d".repeat(250)}/`.repeat(DEPTH);

/** A layer with `count` files in a deep directory, each with the names that begin with `letters`. */
function linked(letters: string, layer: number, count: number, depth = DEPTH): Tree {
  const builder = new TreeBuilder({ kind: "layer" });
  let directory = 0;
  for (let i = 0; i < depth; i++) directory = builder.put(directory, b("d".repeat(250)), dir());
  for (let i = 0; i < count; i++) {
    const [name, ...others] = Array.from(letters, (letter) => b(`${letter}${layer}-${i + 1000}`));
    const inode = builder.put(directory, name as ByteString, file(0));
    for (const other of others) builder.link(directory, other, inode);
  }
  return builder.finish(null);
}

/** The label of each name in a tree, without the directories above. */
function labels(tree: Tree): [string, string | null][] {
  const out: [string, string | null][] = [];
  for (const { path, node } of walk(tree)) {
    if (node.type !== "file") continue;
    assertEquals(path.startsWith(ABOVE), true);
    out.push([path.slice(ABOVE.length), node.group?.slice(ABOVE.length) ?? null]);
  }
  return out;
}

Deno.test("3,600 hard links with long paths take no longer than others in a tar, an EROFS image and du", () => {
  const tree = foldLayers([linked("ab", 1, 1800), linked("ab", 2, 1800)]);
  const begin = performance.now();
  const image = writeErofs(tree);
  const links = Array.from(treeEntries(tree)).filter(({ entry }) => entry.type === "hardlink");
  const used = Array.from(usage(tree, { path: b(""), node: rootOf(tree) }));
  assertLess(performance.now() - begin, 10_000);
  assertEquals(image.inodes, 1 + DEPTH + 3600);
  assertEquals([links.length, used.length], [3600, 1 + DEPTH + 3600]);
  for (const { entry } of links) assertEquals(entry.linkname, entry.path.replace("/b", "/a"));
});

Deno.test("hard links with long paths get a new label when they lose their least name", () => {
  const count = 5;
  const base = foldLayers([linked("abc", 1, count)]);
  const upper = foldLayers([linked("a", 1, count)], base);
  const edited = editTree(base, [[`${ABOVE}a1-1000` as ByteString, null]]);
  const expected = (i: number): [string, string | null][] => [
    [`b1-${1000 + i}`, `b1-${1000 + i}`],
    [`c1-${1000 + i}`, `b1-${1000 + i}`],
  ];
  const shown = labels(upper);
  for (let i = 0; i < count; i++) {
    assertEquals(
      shown.filter(([name]) => /^[bc]/.test(name) && name.endsWith(`${i}`)),
      expected(i),
    );
    assertEquals(shown.find(([name]) => name === `a1-${1000 + i}`)?.[1], null);
  }
  assertEquals(applyLayer(base, linked("a", 1, count)).digest, upper.digest);
  assertEquals(labels(edited).filter(([name]) => name.endsWith("0")), expected(0));
  assertEquals(labels(edited).find(([name]) => name === "c1-1001")?.[1], "a1-1001");
});

Deno.test("25,000 hard links that would repeat a path of 62 KB are refused at once", () => {
  const begin = performance.now();
  const error = assertThrows(() => linked("ab", 1, 25_000, 250), VarveError);
  assertEquals(error.code, "E_LIMIT");
  assertLess(performance.now() - begin, 5000);
});

Deno.test("the label of a link group is its least path, wherever its names are", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const names = ["b/z", "b/y", "c", "a-/b", "a/z/z", "ab"];
  const inode = builder.put(0, b("x"), file(0));
  for (const [i, name] of names.entries()) {
    let directory = builder.root;
    for (const part of name.split("/").slice(0, -1)) {
      directory = builder.put(directory, b(part), dir());
    }
    // Records of other directories come between.
    for (let other = 0; other < 100; other++) {
      const odd = builder.put(0, b(`o${i}-${other}`), dir());
      const one = builder.put(odd, b("f"), file(0));
      builder.link(odd, b("g"), one);
    }
    builder.link(directory, b(name.split("/").at(-1) as string), inode);
  }
  const tree = builder.finish(null);
  const groupOf = (path: string) => (lookup(tree, b(path)) as { group: string | null }).group;
  assertEquals(names.map(groupOf), names.map(() => "a-/b"));
  assertEquals(groupOf("o3-50/g"), "o3-50/f");
});

Deno.test("2,000 hard links below 1,000 levels get their label in no time, below ten layers too", () => {
  const deep = (fill: (builder: TreeBuilder, directory: number) => void): Tree => {
    const builder = new TreeBuilder({ kind: "layer" });
    let directory = 0;
    for (let i = 0; i < 1000; i++) directory = builder.put(directory, b("d"), dir());
    fill(builder, directory);
    return builder.finish(null);
  };
  const bottom = deep((builder, directory) => {
    const inode = builder.put(directory, b("a"), file(0));
    for (let i = 0; i < 2000; i++) builder.link(directory, b(`l${i + 1000}`), inode);
  });
  // The first takes the least name, the others have other names and one of the names each.
  const tops = Array.from({ length: 10 }, (_, layer) =>
    deep((builder, directory) => {
      builder.put(directory, b(layer === 0 ? "a" : `z${layer}`), file(0));
      builder.put(directory, b(`l${layer + 1000}`), file(0));
    }));
  const begin = performance.now();
  const tree = foldLayers([bottom, ...tops]);
  assertLess(performance.now() - begin, 10_000);
  const above = "d/".repeat(1000);
  const groupOf = (name: string) =>
    (lookup(tree, b(above + name)) as { group: string | null }).group;
  assertEquals(["a", "l1000", "l1009", "z9"].map(groupOf), [null, null, null, null]);
  assertEquals(["l1010", "l2999"].map(groupOf), [`${above}l1010`, `${above}l1010`]);
});
