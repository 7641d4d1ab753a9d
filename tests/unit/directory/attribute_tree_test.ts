import { assertEquals, assertThrows } from "@std/assert";
import { escapeForTerminal, fromText } from "../../../lib/bytes/mod.ts";
import { attributeTree } from "../../../lib/directory/attribute_tree.ts";
import { makeTree } from "../../../lib/directory/extract/extract_job.ts";
import { layersAbove } from "../../../lib/directory/internal.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { lookup, rootOf, walk } from "../../../lib/tree/mod.ts";
import { layerOf } from "../../support/extraction/arena.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";

/** Paths and modes of the attribute tree, whose nodes must be those of the root tree. */
function attributes(...layers: TarFixture[][]): string[] {
  const trees = layers.map((entries) => layerOf(entries).tree);
  const tree = attributeTree(trees);
  const right = foldLayers(trees);
  assertEquals(rootOf(tree), rootOf(right));
  return [...walk(tree)].map(({ path, node }) => {
    assertEquals(node, lookup(right, path));
    return `${escapeForTerminal(path)} ${"mode" in node ? node.mode.toString(8) : node.type}`;
  });
}

Deno.test("only the root, where no layer implies a directory that a lower layer describes", () => {
  assertEquals(attributes(), []);
  assertEquals(attributes([]), []);
  assertEquals(attributes([{ name: "./", type: "dir", mode: 0o700, uid: 9 }]), []);
  assertEquals(attributes([{ name: "d/", mode: 0o700 }, { name: "d/a" }]), []);
  assertEquals(attributes([{ name: "d/", mode: 0o700 }], [{ name: "d/", mode: 0o711 }]), []);
  assertEquals(attributes([{ name: "d/a" }], [{ name: "d/b" }]), []);
});

Deno.test("an implied directory over an explicit one, with its parents", () => {
  const below = [
    { name: "a/", mode: 0o700 },
    { name: "a/b/", mode: 0o711 },
    { name: "a/b/c/", mode: 0o722 },
    { name: "z/", mode: 0o733 },
  ];
  assertEquals(attributes(below, [{ name: "a/b/c/f" }]), ["a 700", "a/b 711", "a/b/c 722"]);
  assertEquals(attributes(below, [{ name: "a/" }, { name: "a/b/f" }]), ["a 755", "a/b 711"]);
  assertEquals(attributes(below, [{ name: "z/f" }], [{ name: "z/" }]), []);
  assertEquals(attributes(below, [{ name: "z/f" }], [{ name: "z/g" }]), ["z 733"]);
  assertEquals(attributes(below, [{ name: "z/", mode: 0o744 }], [{ name: "z/g" }]), ["z 744"]);
  assertEquals(attributes(below, [{ name: "z/f" }], [{ name: ".wh.z" }]), []);
  assertEquals(attributes(below, [{ name: "z/f" }], [{ name: "z", content: "file" }]), []);
});

Deno.test("a difference in owner, time or xattrs alone counts", () => {
  for (const one of [{ uid: 1 }, { gid: 1 }, { mtime: 7 }, { xattrs: { "user.a": "b" } }]) {
    const entry = { name: "d/", mode: 0o755, mtime: 0, ...one };
    assertEquals(attributes([entry], [{ name: "d/f" }]), ["d 755"]);
  }
  assertEquals(attributes([{ name: "d/", mode: 0o755, mtime: 0 }], [{ name: "d/f" }]), []);
});

Deno.test("A38: an implied directory over a link, with the attributes of its target; opaque or not", () => {
  const below = [{ name: "usr/lib/", mode: 0o711 }, { name: "lib", target: "usr/lib" }];
  assertEquals(attributes(below, [{ name: "lib/x" }]), ["lib 711"]);
  assertEquals(attributes(below, [{ name: "usr/lib/.wh..wh..opq" }]), ["usr 755", "usr/lib 711"]);
  assertEquals(attributes(below, [{ name: ".wh.lib" }, { name: "lib/x" }]), ["lib 711"]);
});

Deno.test("a deeply nested directory is found", () => {
  const depth = 1000;
  const path = Array.from({ length: depth }, () => "d").join("/");
  const parts = Array.from(
    { length: depth },
    (_, i) => ({ name: `${path.slice(0, 2 * i + 1)}/`, mode: 0o700 }),
  );
  const trees = [layerOf(parts).tree, layerOf([{ name: `${path}/f` }]).tree];
  const tree = attributeTree(trees);
  assertEquals(tree.count, depth);
  assertEquals(lookup(tree, fromText(path)), lookup(foldLayers(trees), fromText(path)));
});

Deno.test("a checkpoint ends the work on a large tree by an error", async () => {
  await using temp = await tempDir();
  const entries = Array.from({ length: 3000 }, (_, i) => ({ name: `d/f${i}` }));
  const { tree } = layerOf(entries);
  const right = foldLayers([tree]);
  const enough = () => {
    throw new RangeError("enough");
  };
  assertThrows(() => attributeTree([tree], right, enough), RangeError, "enough");
  const lowers = [fromText(temp.path)];
  assertThrows(() => layersAbove([tree], lowers, enough), RangeError, "enough");
  assertThrows(() => makeTree("attributes", [tree], enough), RangeError, "enough");
});
