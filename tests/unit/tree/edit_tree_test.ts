import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import {
  type DiffId,
  editTree,
  emptyTree,
  lookup,
  type Node,
  rootOf,
  verifyTree,
  walk,
} from "../../../lib/tree/mod.ts";
import { b, dir, file, symlink } from "../../support/trees/tree_nodes.ts";

function edit(...changes: [string, Node | null][]) {
  return editTree(emptyTree("root"), changes.map(([path, node]) => [b(path), node]));
}

Deno.test("changes apply one after another", () => {
  const tree = edit(
    ["a", dir()],
    ["a/x", file(1)],
    ["a", file(2)],
    ["a", dir({ uid: 1 })],
    [
      "a/y",
      symlink("x"),
    ],
    ["b", file()],
    ["b", null],
  );
  assertEquals(Array.from(walk(tree), ({ path }) => path as string), ["a", "a/y"]);
  assertEquals(lookup(tree, b("a")), dir({ uid: 1 }));
});

Deno.test("the entries of a replaced directory do not come back", () => {
  const before = edit(["a", dir()], ["a/x", file(1)]);
  const gone = editTree(before, [[b("a"), null], [b("a"), dir()]]);
  assertEquals(gone.digest, edit(["a", dir()]).digest);
  const kept = editTree(before, [[b("a"), dir({ uid: 3 })]]);
  assertEquals(kept.digest, edit(["a", dir({ uid: 3 })], ["a/x", file(1)]).digest);
});

Deno.test("a node that replaces a directory of the same edit replaces all of it", () => {
  for (const node of [file(2), symlink("x")]) {
    const tree = edit(["a", file(1)], ["a", dir()], ["a", node]);
    verifyTree(tree);
    assertEquals(tree.digest, edit(["a", node]).digest);
  }
});

Deno.test("a file that is one hole and a file of several extents fit into one directory", () => {
  const source = `sha256:${"11".repeat(32)}` as DiffId;
  const parts = file(600, 1, {
    locator: { source, extents: [{ logical: 1, length: 1, position: 512 }] },
  });
  const hole = file(600, 2, { locator: { source, extents: [] } });
  const tree = edit(["a", parts], ["b", hole], ["c", parts]);
  verifyTree(tree);
  assertEquals(lookup(tree, b("a")), parts);
  assertEquals(lookup(tree, b("b")), hole);
  assertEquals(lookup(tree, b("c")), parts);
});

Deno.test("a change needs an existing parent directory", () => {
  const before = edit(["f", file(1)]);
  for (
    const [code, changes] of [
      ["E_NOT_FOUND", [["none/x", file()]]],
      ["E_NOT_DIR", [["f/x", file()]]],
      ["E_NOT_FOUND", [["f", null], ["f/x", file()]]],
      ["E_NOT_DIR", [["g", file()], ["g/x", file()]]],
    ] as [string, [string, Node | null][]][]
  ) {
    const list = changes.map(([path, node]) => [b(path), node] as const);
    assertEquals(assertThrows(() => editTree(before, list), VarveError).code, code);
  }
});

Deno.test("removing a missing path changes nothing", () => {
  const before = edit(["f", file(1)], ["d", dir()]);
  const after = editTree(before, [[b("x/y"), null], [b("f/y"), null], [b("d/y"), null]]);
  assertEquals(after.digest, before.digest);
  assertEquals(editTree(before, []), before);
});

Deno.test("the root can be changed but not removed", () => {
  const tree = edit(["", dir({ mode: 0o700 })], ["x", file()]);
  assertEquals(rootOf(tree).mode, 0o700);
  assertEquals(tree.count, 1);
  assertThrows(() => edit(["", null]), RangeError);
  assertThrows(() => edit(["/", file()]), RangeError);
  assertThrows(() => edit(["../x", file()]), RangeError);
  assertThrows(() => edit(["x", { type: "whiteout" }]), RangeError);
});

Deno.test("an edit keeps whiteouts and marked directories of a layer tree", () => {
  const layer = emptyTree("layer");
  const tree = editTree(layer, [[b("w"), { type: "whiteout" }], [b("o"), dir({ opaque: true })]]);
  assertEquals(lookup(tree, b("w")), { type: "whiteout" });
  const more = editTree(tree, [[b("o/i"), dir({ implied: true })]]);
  assertEquals(lookup(more, b("o")), dir({ opaque: true }));
  const back = editTree(more, [[b("w"), null], [b("o"), null]]);
  assertEquals(back.digest, layer.digest);
});

Deno.test("a link group is relabelled when its names change", () => {
  const linked = (group: string | null, byte = 1) =>
    file(1, byte, { group: group === null ? null : b(group) });
  const before = edit(
    ["d", dir()],
    ["a", linked("a")],
    ["d/b", linked("a")],
    ["d/c", linked("a")],
    ["x", file(1)],
  );
  assertEquals(lookup(before, b("d/c")), linked("a"));
  const two = editTree(before, [[b("a"), null]]);
  assertEquals([lookup(two, b("d/b")), lookup(two, b("d/c"))], [linked("d/b"), linked("d/b")]);
  const one = editTree(two, [[b("d/b"), file(2)]]);
  assertEquals(lookup(one, b("d/c")), linked(null));
  // Changing one name of the group changes the inode, and so all its names.
  const changed = editTree(before, [[b("d/c"), linked("a", 5)]]);
  assertEquals(lookup(changed, b("a")), linked("a", 5));
  // One name alone has no group. A new name joins a group by its label.
  assertEquals(lookup(edit(["a", linked("zzz")]), b("a")), linked(null));
  const joined = editTree(before, [[b("0"), linked("a")]]);
  assertEquals(lookup(joined, b("d/b")), linked("0"));
});

Deno.test("changes in one directory apply in their order, however their paths are written", () => {
  const base = editTree(emptyTree("root"), [[b("d"), dir()], [b("d/old"), file(1)]]);
  const edited = editTree(base, [
    [b("d/x"), file(1)],
    [b("d/."), dir({ mode: 0o700 })],
    [b("d/y"), file(2)],
    [b("/d//z/"), dir()],
    [b("d/z/a"), file(3)],
    [b("d"), dir({ mode: 0o711 })],
    [b("d/x"), null],
    [b("./d/w"), file(4)],
  ]);
  const paths = Array.from(walk(edited), ({ path }) => path as string);
  assertEquals(paths, ["d", "d/old", "d/w", "d/y", "d/z", "d/z/a"]);
  assertEquals(lookup(edited, b("d")), dir({ mode: 0o711 }));
  const gone = () => editTree(base, [[b("d/x"), file(1)], [b("d"), null], [b("d/y"), file(1)]]);
  assertEquals(assertThrows(gone, VarveError).code, "E_NOT_FOUND");
  assertThrows(() => editTree(base, [[b("d/x"), file(1)], [b("d/.."), dir()]]), RangeError);
});
