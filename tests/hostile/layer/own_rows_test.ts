/** Rows that share a test with others elsewhere, each by itself, on whole tars and images. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { loadImages } from "../../../lib/archive/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { lookup, type Tree, walk } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { layerOf } from "../../support/extraction/arena.ts";
import { archiveTar, buildImage, jsonBytes, ociFiles } from "../../support/images/images.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";

const treeOf = (entries: readonly TarFixture[]): Tree => layerOf(entries).tree;
const pathsOf = (tree: Tree): string[] => [...walk(tree)].map(({ path }) => path);

/** The code that a layer of one entry is refused with. */
function codeOfEntry(name: string): string {
  return assertThrows(() => treeOf([{ name, content: "" }]), VarveError).code;
}

/** Loads an image into a new store; returns the code, and how many layers and blobs are there. */
async function load(archive: Uint8Array<ArrayBuffer>): Promise<[string, number, number]> {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const code = await codeOf(() => loadImages(store, ReadableStream.from([archive]), { pool }));
  return [code, store.layers.list().length, store.blobs.list().length];
}

Deno.test("A27 a hard link to a path that only a lower layer has refuses the image, and leaves nothing", async () => {
  const layers = [
    [{ name: "usr/bin/below", content: "x" }],
    [{ name: "link", type: "hardlink", target: "usr/bin/below" }],
  ] as const;
  const image = buildImage({ name: "example.org/app:1", layers });
  assertEquals(await load(archiveTar(ociFiles([image]))), ["E_LINK_TARGET", 0, 0]);
});

Deno.test("B01 .wh. is refused, in any directory", () => {
  for (const name of [".wh.", "etc/.wh.", "etc/a/.wh."]) {
    assertEquals(codeOfEntry(name), "E_WHITEOUT", name);
  }
});

Deno.test("B02 .wh.. is refused, in any directory", () => {
  for (const name of [".wh..", "etc/.wh..", "etc/a/.wh.."]) {
    assertEquals(codeOfEntry(name), "E_WHITEOUT", name);
  }
});

Deno.test("B03 .wh... is refused, in any directory", () => {
  for (const name of [".wh...", "etc/.wh...", "etc/a/.wh..."]) {
    assertEquals(codeOfEntry(name), "E_WHITEOUT", name);
  }
});

Deno.test("B07 a whiteout behind a link that leads outside hides a name inside of the root", () => {
  const lower = treeOf([{ name: "outside/x", content: "" }, { name: "outside/y", content: "" }]);
  const upper = treeOf([
    { name: "localetc", target: "../../../outside" },
    { name: "localetc/.wh.x" },
  ]);
  assertEquals(pathsOf(foldLayers([lower, upper])), ["localetc", "outside", "outside/y"]);
});

Deno.test("B09 a whiteout of nothing changes nothing that is seen", () => {
  const lower = treeOf([{ name: "etc/" }, { name: "etc/kept", content: "" }]);
  const upper = treeOf([{ name: "etc/.wh.never" }, { name: ".wh.nothing" }]);
  assertEquals(foldLayers([lower, upper]).digest, foldLayers([lower]).digest);
});

Deno.test("B22 an empty file with overlay's attribute of a whiteout is an empty file", () => {
  const lower = treeOf([{ name: "d/f", content: "lower" }, { name: "d/g", content: "lower" }]);
  const upper = treeOf([
    { name: "d/", xattrs: { "trusted.overlay.opaque": "x" } },
    { name: "d/f", content: "", xattrs: { "trusted.overlay.whiteout": "y" } },
  ]);
  const whole = foldLayers([lower, upper]);
  assertEquals(pathsOf(whole), ["d", "d/f", "d/g"]);
  const node = lookup(whole, "d/f" as ByteString);
  assertEquals(node?.type === "file" && [node.size, node.xattrs.length], [0, 0]);
});

for (
  const [row, name, entry] of [
    ["B23", "trusted.overlay.opaque", { name: "d/" }],
    ["B25", "trusted.overlay.metacopy", { name: "d", content: "x" }],
    ["B25", "trusted.overlay.redirect", { name: "d", content: "x" }],
    ["B26", "user.overlay.opaque", { name: "d/" }],
    ["B26", "user.overlay.redirect", { name: "d/" }],
    ["B26", "user.overlay.origin", { name: "d", content: "x" }],
    ["B26", "user.overlay.whiteout", { name: "d", content: "x" }],
    ["B27", "trusted.overlay.overlay.opaque", { name: "d/" }],
  ] as const
) {
  Deno.test(`${row} ${name} is left out, and another attribute is kept`, () => {
    const tree = treeOf([{ ...entry, xattrs: { [name]: "y", "user.kept": "1" } }]);
    const node = lookup(tree, "d" as ByteString);
    assertEquals(node?.type !== "whiteout" && node?.xattrs.map((xattr): string => xattr.name), [
      "user.kept",
    ]);
  });
}

Deno.test("F23 names and titles in annotations are never used as paths", async () => {
  const image = buildImage({ name: "example.org/app:1", layers: [[{ name: "a", content: "x" }]] });
  const files = new Map(ociFiles([image]));
  const index = JSON.parse(new TextDecoder().decode(files.get("index.json")));
  index.manifests[0].annotations = {
    "org.opencontainers.image.ref.name": "../../x",
    "org.opencontainers.image.title": "../../etc/passwd",
  };
  files.set("index.json", jsonBytes(index));
  // The image is taken without that name: config, manifest and layer.
  assertEquals(await load(archiveTar(files)), ["ok", 1, 3]);
});
