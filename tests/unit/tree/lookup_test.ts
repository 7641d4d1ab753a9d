import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import {
  emptyTree,
  list,
  lookup,
  resolve,
  rootOf,
  TreeBuilder,
  walk,
} from "../../../lib/tree/mod.ts";
import { b, dir, file, symlink } from "../../support/trees/tree_nodes.ts";

function sample() {
  const builder = new TreeBuilder({ kind: "root" });
  const usr = builder.put(0, b("usr"), dir());
  const lib = builder.put(usr, b("lib"), dir({ uid: 7 }));
  builder.put(lib, b("x"), file(3));
  builder.put(0, b("lib"), symlink("usr/lib"));
  builder.put(0, b("up"), symlink("../../../usr/./lib/../lib"));
  builder.put(usr, b("abs"), symlink("/lib/x"));
  builder.put(0, b("loop"), symlink("pool"));
  builder.put(0, b("pool"), symlink("loop"));
  builder.put(0, b("dangling"), symlink("nowhere"));
  return builder.finish(null);
}

Deno.test("lookup follows no symbolic links", () => {
  const tree = sample();
  assertEquals(lookup(tree, b("")), rootOf(tree));
  assertEquals(lookup(tree, b("/")), rootOf(tree));
  assertEquals(lookup(tree, b("/usr//lib/x")), file(3));
  assertEquals(lookup(tree, b("lib")), symlink("usr/lib"));
  assertEquals(lookup(tree, b("lib/x")), undefined);
  assertEquals(lookup(tree, b("usr/lib/x/y")), undefined);
  assertEquals(lookup(emptyTree("root"), b("a")), undefined);
});

Deno.test("resolve follows symbolic links and stays inside the tree", () => {
  const tree = sample();
  const x = { path: b("usr/lib/x"), node: file(3) };
  assertEquals(resolve(tree, b("lib/x")), x);
  assertEquals(resolve(tree, b("up/x")), x);
  assertEquals(resolve(tree, b("usr/abs")), x);
  assertEquals(resolve(tree, b("usr/abs"), { followLast: false })?.node, symlink("/lib/x"));
  assertEquals(resolve(tree, b("lib/"), { followLast: false })?.path, b("usr/lib"));
  assertEquals(resolve(tree, b("../../usr/..")), { path: b(""), node: rootOf(tree) });
  assertEquals(resolve(tree, b("dangling")), undefined);
  assertEquals(resolve(tree, b("none/..")), undefined);
});

Deno.test("A31: a loop of symbolic links is an error", () => {
  const tree = sample();
  assertEquals(assertThrows(() => resolve(tree, b("loop/x")), VarveError).code, "E_LOOP");
  assertEquals(resolve(tree, b("loop"), { followLast: false })?.path, b("loop"));
});

Deno.test("a path through a file is E_NOT_DIR", () => {
  const tree = sample();
  for (const path of ["usr/lib/x/y", "lib/x/", "lib/x/.", "usr/abs/../x"]) {
    assertEquals(assertThrows(() => resolve(tree, b(path)), VarveError).code, "E_NOT_DIR", path);
  }
});

Deno.test("list and walk sort names by their bytes", () => {
  const builder = new TreeBuilder({ kind: "root" });
  const a = builder.put(0, b("a"), dir());
  builder.put(a, b("z"), file());
  builder.put(0, b("a-b"), file());
  builder.put(0, b("\xff"), file());
  builder.put(0, b("a\x01"), file());
  builder.put(0, b("Z"), file());
  const tree = builder.finish(null);
  const names = Array.from(list(tree, b("/")), ({ name }) => name as string);
  assertEquals(names, ["Z", "a", "a\x01", "a-b", "\xff"]);
  assertEquals(
    Array.from(walk(tree), ({ path, depth }) => `${depth} ${path}`),
    ["1 Z", "1 a", "2 a/z", "1 a\x01", "1 a-b", "1 \xff"],
  );
  assertEquals(
    Array.from(walk(tree, { from: b("/a/") }), ({ path, depth }) => `${depth} ${path}`),
    [
      "2 a/z",
    ],
  );
  const twice = walk(tree);
  assertEquals([...twice].length, [...twice].length);
});

Deno.test("list and walk throw before the iteration begins", () => {
  const tree = sample();
  assertEquals(assertThrows(() => list(tree, b("none")), VarveError).code, "E_NOT_FOUND");
  assertEquals(assertThrows(() => list(tree, b("lib")), VarveError).code, "E_NOT_DIR");
  assertEquals(assertThrows(() => walk(tree, { from: b("lib") }), VarveError).code, "E_NOT_DIR");
  assertThrows(() => lookup({ ...emptyTree("root") }, b("a")), TypeError);
});
