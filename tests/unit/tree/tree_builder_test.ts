import { assertEquals, assertThrows } from "@std/assert";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { emptyTree, lookup, rootOf, TreeBuilder, verifyTree, walk } from "../../../lib/tree/mod.ts";
import { b, dir, file, symlink } from "../../support/trees/tree_nodes.ts";

const SOURCE = `sha256:${"5a".repeat(32)}` as DiffId;

function paths(tree: ReturnType<TreeBuilder["finish"]>): string[] {
  return Array.from(walk(tree), ({ path }) => path);
}

Deno.test("a builder begins with a root: implied in a layer, default in a root tree", () => {
  assertEquals(rootOf(new TreeBuilder({ kind: "layer" }).finish(null)), dir({ implied: true }));
  assertEquals(rootOf(new TreeBuilder({ kind: "root" }).finish(null)), dir());
  const builder = new TreeBuilder({ kind: "layer" });
  assertEquals(builder.isImplied(builder.root), true);
  builder.update(builder.root, dir({ mode: 0o700, uid: 1 }));
  assertEquals(builder.isImplied(builder.root), false);
  assertEquals(rootOf(builder.finish(null)), dir({ mode: 0o700, uid: 1 }));
});

Deno.test("the order of entries does not change the digest", () => {
  const one = new TreeBuilder({ kind: "root" });
  const two = new TreeBuilder({ kind: "root" });
  const names = Array.from({ length: 3000 }, (_, i) => b(`n${(i * 7919) % 3000}`));
  for (const name of names) one.put(0, name, file(1));
  for (const name of names.toReversed()) two.put(0, name, file(1));
  const tree = one.finish(null);
  assertEquals(tree.digest, two.finish(null).digest);
  assertEquals(tree.count, 3000);
  verifyTree(tree);
});

Deno.test("names are found, replaced and removed", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const a = builder.put(0, b("a"), dir());
  assertEquals(builder.child(0, b("a")), a);
  assertEquals(builder.child(a, b("a")), -1);
  const x = builder.put(a, b("x"), symlink("/t"));
  assertEquals(builder.linkTarget(x), b("/t"));
  assertEquals(builder.parentOf(x), a);
  assertEquals(builder.typeOf(x), "symlink");
  assertEquals(builder.node(x), symlink("/t"));
  // A directory that replaces a directory keeps its entries.
  assertEquals(builder.put(0, b("a"), dir({ mode: 0o700 })), a);
  assertEquals(builder.child(a, b("x")), x);
  assertEquals(builder.node(a), dir({ mode: 0o700 }));
  // Any other node drops them, and a later directory of that name is empty.
  builder.put(0, b("a"), file());
  const again = builder.put(0, b("a"), dir());
  assertEquals(builder.child(again, b("x")), -1);
  assertEquals(builder.remove(0, b("a")), true);
  assertEquals(builder.remove(0, b("a")), false);
  assertEquals(builder.finish(null).digest, emptyTree("layer").digest);
});

Deno.test("opaque and implied directories", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const a = builder.put(0, b("a"), dir({ implied: true }));
  builder.setOpaque(a);
  assertEquals([builder.isImplied(a), builder.isOpaque(a)], [true, true]);
  builder.put(0, b("w"), { type: "whiteout" });
  const tree = builder.finish(null);
  assertEquals(lookup(tree, b("a")), dir({ implied: true, opaque: true }));
  assertEquals(lookup(tree, b("w")), { type: "whiteout" });
  assertThrows(
    () => new TreeBuilder({ kind: "root" }).put(0, b("w"), { type: "whiteout" }),
    TypeError,
  );
  assertThrows(() => new TreeBuilder({ kind: "root" }).setOpaque(0), TypeError);
});

Deno.test("hard links share an inode; the group is their least path", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const z = builder.put(0, b("z"), file(3));
  const d = builder.put(0, b("d"), dir());
  builder.link(d, b("l"), z);
  builder.link(0, b("m"), builder.child(d, b("l")));
  builder.content(builder.child(0, b("m")), new Uint8Array(32).fill(9), [
    { logical: 0, length: 3, position: 512 },
  ]);
  assertThrows(() => builder.link(0, b("x"), d), TypeError);
  const tree = builder.finish(SOURCE);
  const node = file(3, 9, {
    group: b("d/l"),
    locator: { source: SOURCE, extents: [{ logical: 0, length: 3, position: 512 }] },
  });
  for (const path of ["d/l", "m", "z"]) assertEquals(lookup(tree, b(path)), node);
});

Deno.test("A29: a link that is replaced leaves its group, the others keep the inode", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const a = builder.put(0, b("a"), file(3, 7));
  builder.link(0, b("b"), a);
  builder.link(0, b("c"), a);
  builder.put(0, b("a"), file(4, 8));
  const tree = builder.finish(null);
  assertEquals(lookup(tree, b("a")), file(4, 8));
  assertEquals(lookup(tree, b("b")), file(3, 7, { group: b("b") }));
  assertEquals(lookup(tree, b("c")), file(3, 7, { group: b("b") }));
});

Deno.test("a link that is the only one left has no group", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const a = builder.put(0, b("a"), file(3, 7));
  builder.link(0, b("b"), a);
  builder.remove(0, b("a"));
  assertEquals(lookup(builder.finish(null), b("b")), file(3, 7));
});

Deno.test("content: sparse, empty, missing and wrong", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  const extents = [
    { logical: 4096, length: 10, position: 1024 },
    { logical: 2 ** 41, length: 1, position: 2 ** 42 },
  ];
  const sparse = builder.put(0, b("s"), file(2 ** 42));
  builder.content(sparse, new Uint8Array(32).fill(3), extents);
  builder.content(builder.put(0, b("hole"), file(9)), new Uint8Array(32).fill(4), []);
  const empty = builder.put(0, b("e"), file());
  builder.content(empty, null, []);
  assertThrows(() => builder.content(empty, new Uint8Array(32), []), RangeError);
  assertThrows(() => builder.content(sparse, null, []), RangeError);
  assertThrows(
    () => builder.content(sparse, new Uint8Array(32), [{ logical: 0, length: 0, position: 0 }]),
    RangeError,
  );
  const tree = builder.finish(SOURCE);
  assertEquals(
    lookup(tree, b("s")),
    file(2 ** 42, 3, { locator: { source: SOURCE, extents } }),
  );
  assertEquals(lookup(tree, b("hole")), file(9, 4, { locator: { source: SOURCE, extents: [] } }));
  assertEquals(lookup(tree, b("e")), file(0, 0, { locator: { source: SOURCE, extents: [] } }));

  const untold = new TreeBuilder({ kind: "layer" });
  untold.put(0, b("f"), file(1, 0, { digest: null }));
  assertThrows(() => untold.finish(null), TypeError);
});

Deno.test("locators do not change the digest", () => {
  const build = (position: number, source: DiffId | null) => {
    const builder = new TreeBuilder({ kind: "layer" });
    builder.content(builder.put(0, b("f"), file(5)), new Uint8Array(32).fill(3), [
      { logical: 0, length: 5, position },
    ]);
    return builder.finish(source).digest;
  };
  assertEquals(build(0, SOURCE), build(2 ** 50, null));
});

Deno.test("names and nodes that no tree can hold are refused", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  for (const name of ["", ".", "..", "a/b", "a\0", "n".repeat(65536), "\u0100"]) {
    assertThrows(() => builder.put(0, b(name), file()), RangeError);
  }
  assertThrows(() => builder.put(0, b("f"), file(2 ** 53)), RangeError);
  assertThrows(() => builder.put(0, b("f"), file(-1)), RangeError);
  assertThrows(() => builder.put(0, b("f"), symlink("")), RangeError);
  const device = { ...dir(), type: "char" as const, group: null, major: 1 << 12, minor: 0 };
  assertThrows(() => builder.put(0, b("f"), device), RangeError);
  const digested = { ...file(1), digest: new Uint8Array(31) };
  assertThrows(() => builder.put(0, b("f"), digested), RangeError);
  const locator = { source: SOURCE, extents: [{ logical: 0, length: 2, position: 0 }] };
  assertThrows(() => builder.put(0, b("f"), { ...file(1), locator }), RangeError);
  assertThrows(() => builder.update(0, { ...dir(), uid: -1 }), RangeError);
  assertThrows(() => builder.put(builder.put(0, b("f"), file()), b("x"), file()), TypeError);
  assertThrows(() => builder.node(99), RangeError);
  // None of them is in the tree.
  const tree = builder.finish(null);
  assertEquals(paths(tree), ["f"]);
  verifyTree(tree);
  assertThrows(() => builder.finish(null), TypeError);
});

Deno.test("D27: hard links that repeat a long path too often are E_LIMIT", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  let at: number = builder.root;
  for (let i = 0; i < 250; i++) at = builder.put(at, b("d".repeat(255)), dir());
  const target = builder.put(at, b("a"), file());
  for (let i = 0; i < 20_000; i++) builder.link(0, b(`z${i}`), target);
  const error = assertThrows(() => builder.finish(null), VarveError);
  assertEquals(error.code, "E_LIMIT");
});

Deno.test("A35: a very deep tree can be built and read", () => {
  const builder = new TreeBuilder({ kind: "root" });
  let at: number = builder.root;
  for (let i = 0; i < 20_000; i++) at = builder.put(at, b("d"), dir());
  const tree = builder.finish(null);
  assertEquals(tree.count, 20_000);
  verifyTree(tree);
  const path = b(Array(20_000).fill("d").join("/"));
  assertEquals(lookup(tree, path), dir());
  assertEquals(paths(tree).at(-1), path);
});
