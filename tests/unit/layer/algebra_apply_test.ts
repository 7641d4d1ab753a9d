import { assertEquals, assertThrows } from "@std/assert";
import { applyLayer, foldLayers, squashLayers } from "../../../lib/layer/mod.ts";
import {
  type DirectoryNode,
  emptyTree,
  lookup,
  type Node,
  rootOf,
  type Tree,
  TreeBuilder,
  type TreeKind,
  walk,
} from "../../../lib/tree/mod.ts";
import { b, dir, file, symlink } from "../../support/trees/tree_nodes.ts";

const GONE: Node = { type: "whiteout" };

/**
 * A tree from paths. A string is a hard link to that path. Missing parents become implied
 * directories, or default ones in a root tree.
 */
function tree(kind: TreeKind, entries: Record<string, Node | string>): Tree {
  const builder = new TreeBuilder({ kind });
  const place = (path: string): [number, string] => {
    const names = path.split("/");
    const name = names.pop() as string;
    let at = builder.root;
    for (const parent of names) {
      const child = builder.child(at, b(parent));
      at = child < 0 ? builder.put(at, b(parent), dir({ implied: kind === "layer" })) : child;
    }
    return [at, name];
  };
  for (const [path, node] of Object.entries(entries)) {
    const [at, name] = place(path);
    if (path === "") builder.update(0, node as Node);
    else if (typeof node === "string") {
      const [parent, target] = place(node);
      builder.link(at, b(name), builder.child(parent, b(target)));
    } else builder.put(at, b(name), node);
  }
  return builder.finish(null);
}

const layer = (entries: Record<string, Node | string>) => tree("layer", entries);
const root = (entries: Record<string, Node | string>) => tree("root", entries);

function paths(of: Tree): string[] {
  return Array.from(walk(of), ({ path }) => path as string);
}

Deno.test("whiteouts hide names, and do no harm where there is nothing to hide", () => {
  const base = root({ "a/x": file(1), "a/y": file(1), b: file(1) });
  const applied = applyLayer(base, layer({ "a/x": GONE, b: GONE, "c/none": GONE, none: GONE }));
  assertEquals(paths(applied), ["a", "a/y", "c"]);
});

Deno.test("B14, B18: opaque directories hide what is below, at any depth", () => {
  const base = root({ "a/b/x": file(1), "a/y": file(1) });
  const applied = applyLayer(base, layer({ "a/b": dir({ opaque: true }), "a/b/new": file(2) }));
  assertEquals(paths(applied), ["a", "a/b", "a/b/new", "a/y"]);
  assertEquals((lookup(applied, b("a/b")) as DirectoryNode).opaque, false);
});

Deno.test("an opaque root hides all layers below; the root's attributes stay unless the layer sets them", () => {
  const base = root({ "": dir({ mode: 0o700 }), x: file(1) });
  const cut = applyLayer(base, layer({ "": dir({ opaque: true, implied: true }), y: file(1) }));
  assertEquals(paths(cut), ["y"]);
  assertEquals(rootOf(cut).mode, 0o700);
  // A07
  const told = applyLayer(base, layer({ "": dir({ mode: 0o711, uid: 1 }) }));
  assertEquals(rootOf(told), dir({ mode: 0o711, uid: 1 }));
});

Deno.test("A39: implied directories keep the attributes of the base, or are 0755 0:0", () => {
  const base = root({ a: dir({ mode: 0o700, uid: 9 }) });
  const applied = applyLayer(base, layer({ "a/x": file(1), "new/x": file(1) }));
  assertEquals(lookup(applied, b("a")), dir({ mode: 0o700, uid: 9 }));
  assertEquals(lookup(applied, b("new")), dir());
});

Deno.test("A39: implied directories keep them also below a directory that the same layer makes opaque", () => {
  const base = root({
    d: dir({ mode: 0o700, uid: 5 }),
    "d/s": dir({ mode: 0o711, uid: 7 }),
    "d/s/old": file(1),
  });
  const opaque = layer({ d: dir({ opaque: true, implied: true }), "d/s/f": file(2) });
  const more = layer({ "d/s/t/g": file(3) });
  const applied = foldLayers([opaque, more], base);
  assertEquals(paths(applied), ["d", "d/s", "d/s/f", "d/s/t", "d/s/t/g"]);
  assertEquals(lookup(applied, b("d")), dir({ mode: 0o700, uid: 5 }));
  assertEquals(lookup(applied, b("d/s")), dir({ mode: 0o711, uid: 7 }));
  // When a lower layer made the directory opaque, the base is hidden from the layers above.
  const later = foldLayers(
    [layer({ d: dir({ opaque: true }) }), layer({ "d/s/f": file(2) })],
    base,
  );
  assertEquals(lookup(later, b("d/s")), dir());
  assertEquals(applyLayer(base, squashLayers([opaque, more])).digest, applied.digest);
});

Deno.test("A38: an implied directory over a symbolic link has the attributes of what it leads to", () => {
  const base = root({
    "usr/lib": dir({ mode: 0o711, uid: 3 }),
    "usr/lib/deep": dir({ gid: 4 }),
    lib: symlink("usr/lib"),
    bad: symlink("bad"),
    f: file(1),
    toFile: symlink("/f/../f/x"),
  });
  const top = layer({
    "lib/deep/x": file(1),
    "bad/x": file(1),
    "toFile/x": file(1),
    "f/x": file(1),
  });
  const expected = applyLayer(base, top);
  assertEquals(lookup(expected, b("lib")), dir({ mode: 0o711, uid: 3 }));
  assertEquals(lookup(expected, b("lib/deep")), dir({ gid: 4 }));
  assertEquals(lookup(expected, b("bad")), dir());
  assertEquals(lookup(expected, b("toFile")), dir());
  assertEquals(lookup(expected, b("f")), dir());
  const bottom = layer({
    "usr/lib": dir({ mode: 0o711, uid: 3 }),
    "usr/lib/deep": dir({ gid: 4 }),
    lib: symlink("usr/lib"),
  });
  const fold = foldLayers([bottom, layer({ other: file(1) }), top]);
  assertEquals(lookup(fold, b("lib/deep")), dir({ gid: 4 }));
});

Deno.test("a link replaces a directory, and a directory replaces a file", () => {
  const base = root({ "a/x": file(1), f: file(1) });
  const applied = applyLayer(base, layer({ a: symlink("f"), "f/x": file(2) }));
  assertEquals(paths(applied), ["a", "f", "f/x"]);
  const explicit = applyLayer(base, layer({ a: dir({ uid: 1 }) }));
  assertEquals(paths(explicit), ["a", "a/x", "f"]);
});

Deno.test("a link group that loses its least name to a higher layer gets a new label", () => {
  const linked = { a: file(1), "d/b": "a", "d/c": "a" };
  const group = (of: Tree, path: string) => (lookup(of, b(path)) as { group: string | null }).group;
  const base = foldLayers([layer(linked)]);
  assertEquals(group(base, "d/c"), "a");
  const two = applyLayer(base, layer({ a: file(1) }));
  assertEquals(["a", "d/b", "d/c"].map((p) => group(two, p)), [null, "d/b", "d/b"]);
  const one = applyLayer(two, layer({ "d/b": GONE }));
  assertEquals(group(one, "d/c"), null);
  const none = applyLayer(base, layer({ d: GONE, a: GONE }));
  assertEquals(none.count, 0);
  const fold = foldLayers([layer(linked), layer({ a: file(1) }), layer({ "d/b": GONE })]);
  assertEquals(fold.digest, one.digest);
  const squashed = squashLayers([layer(linked), layer({ a: file(1) }), layer({ "d/b": GONE })]);
  assertEquals(group(squashed, "d/c"), null);
  assertEquals(applyLayer(emptyTree("root"), squashed).digest, one.digest);
  // A new file at the path of the old label is another inode, even with links of its own.
  const other = applyLayer(base, layer({ a: file(2), z: "a" }));
  assertEquals(["a", "z", "d/b", "d/c"].map((p) => group(other, p)), ["a", "a", "d/b", "d/b"]);
});

Deno.test("a name that an equal file replaces leaves its link group, too", () => {
  const lower = layer({ "d/a": file(1), e: "d/a" });
  const upper = layer({ "d/a": file(1), f: "d/a" });
  const fold = foldLayers([lower, upper]);
  const group = (path: string) => (lookup(fold, b(path)) as { group: string | null }).group;
  assertEquals(["d/a", "e", "f"].map(group), ["d/a", null, "d/a"]);
});

Deno.test("a squash makes an implied directory explicit where it knows the attributes", () => {
  const layers = [layer({ d: dir({ opaque: true }) }), layer({ "d/x/f": file(1) })];
  const squashed = squashLayers(layers);
  assertEquals(lookup(squashed, b("d/x")), dir());
  const base = root({ "e/x": dir({ uid: 5 }), d: symlink("e") });
  const one = layers.reduce(applyLayer, base);
  assertEquals(applyLayer(base, squashed).digest, one.digest);
  assertEquals(lookup(one, b("d/x")), dir());
  // Without an opaque parent the attributes are unknown: it stays implied.
  const open = squashLayers([layer({ "d/y": file(1) }), layer({ "d/x/f": file(1) })]);
  assertEquals(lookup(open, b("d/x")), dir({ implied: true }));
});

Deno.test("a squash of many layers with opaque directories merges each of them once", () => {
  const count = 60;
  const names = Array.from({ length: count }, (_, i) => `d${i}`);
  const bottom = layer(Object.fromEntries(names.map((name) => [name, dir()])));
  const opaque = dir({ opaque: true, implied: true });
  const above = names.map((name) => layer({ [name]: opaque, [`${name}/e/f`]: file(1) }));
  const layers = [bottom, ...above];
  const squashed = squashLayers(layers);
  assertEquals(applyLayer(emptyTree("root"), squashed).digest, foldLayers(layers).digest);
  // A layer below decides about the attributes of a directory in the squash.
  const base = root(Object.fromEntries(names.map((name) => [`${name}/e`, dir({ uid: 7 })])));
  assertEquals(applyLayer(base, squashed).digest, foldLayers(layers, base).digest);
});

Deno.test("B17: a squash drops whiteouts that hide nothing", () => {
  const squashed = squashLayers([
    layer({ "a/x": file(1), b: file(1) }),
    layer({ a: dir({ opaque: true, uid: 2 }), "a/gone": GONE, "a/d": dir({ opaque: true }) }),
    layer({ b: GONE, "a/y": file(1) }),
  ]);
  assertEquals(paths(squashed), ["a", "a/d", "a/y", "b"]);
  assertEquals(lookup(squashed, b("a")), dir({ opaque: true, uid: 2 }));
  assertEquals(lookup(squashed, b("a/d")), dir());
  assertEquals(lookup(squashed, b("b")), GONE);
});

Deno.test("a squash makes a directory opaque where a lower layer had replaced the base's directory", () => {
  const squashed = squashLayers([layer({ a: file(1) }), layer({ "a/x": file(2) })]);
  assertEquals(lookup(squashed, b("a")), dir({ opaque: true }));
  const base = root({ "a/old": file(1) });
  assertEquals(paths(applyLayer(base, squashed)), ["a", "a/x"]);
});

Deno.test("kinds of trees are checked; no layers make an empty tree", () => {
  const empty = emptyTree("layer");
  assertThrows(() => applyLayer(empty, empty), TypeError);
  assertThrows(() => applyLayer(emptyTree("root"), emptyTree("root")), TypeError);
  assertThrows(() => foldLayers([emptyTree("root")]), TypeError);
  assertEquals(foldLayers([]).digest, emptyTree("root").digest);
  assertEquals(squashLayers([]).digest, empty.digest);
  assertEquals(foldLayers([empty]).digest, emptyTree("root").digest);
});

Deno.test("A35: layers may be deep", () => {
  const deep = (kind: TreeKind, name: string) => {
    const builder = new TreeBuilder({ kind });
    let at: number = builder.root;
    for (let i = 0; i < 20_000; i++) at = builder.put(at, b("d"), dir());
    builder.put(at, b(name), file(1));
    return builder.finish(null);
  };
  const applied = applyLayer(deep("root", "a"), deep("layer", "b"));
  assertEquals(applied.count, 20_002);
  assertEquals(foldLayers([deep("layer", "a"), deep("layer", "b")]).digest, applied.digest);
});
