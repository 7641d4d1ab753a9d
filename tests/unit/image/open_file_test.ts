import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { imageTree, openFile } from "../../../lib/image/mod.ts";
import { loadImages } from "../../../lib/archive/mod.ts";
import { findImage, type ImageArgument, readImage } from "../../../lib/store/mod.ts";
import { lookup } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { reworkFixture } from "../../support/images/memory_store.ts";

const NAME = "example.org/app:1";
const image = buildImage({
  name: NAME,
  layers: [
    [{ name: "etc/" }, { name: "etc/version", content: "1" }, { name: "gone", content: "" }],
    [
      { name: "etc/version", content: "two" },
      { name: ".wh.gone" },
      { name: "link", type: "symlink", target: "/etc/../etc/version" },
      { name: "loop", type: "symlink", target: "loop" },
    ],
  ],
});

Deno.test("an image is taken by name, digest, row, as it was read and as it was loaded", async () => {
  await using fixture = reworkFixture();
  const { store, pool } = fixture;
  const archive = new Blob([archiveTar(ociFiles([image]))]).stream();
  const [loaded] = await loadImages(store, archive, { pool });
  if (loaded === undefined) throw new Error("nothing was loaded");
  const record = await findImage(store, NAME);
  const stored = await readImage(store, record);
  const ways: ImageArgument[] = [NAME, loaded, record, stored, loaded.imageId, loaded.manifest];
  const { digest } = await fixture.tree(NAME);
  for (const way of ways) {
    assertEquals((await imageTree(store, way)).digest, digest);
    assertEquals((await findImage(store, way)).name, NAME);
  }
  assertStrictEquals(await readImage(store, stored), stored);
  // What was loaded never means another image, even when its name does.
  const other = buildImage({ name: NAME, layers: [[{ name: "other" }]] });
  await fixture.load(other);
  assertNotEquals((await imageTree(store, NAME)).digest, digest);
  assertEquals((await imageTree(store, loaded)).digest, digest);
  store.images.remove(`<none>@${loaded.manifest}`);
  assertEquals(await codeOf(() => imageTree(store, loaded)), "E_NOT_FOUND");
});

Deno.test("a file is opened through all layers and links, and nothing else is", async () => {
  await using fixture = reworkFixture();
  const { store } = fixture;
  await fixture.load(image);
  const text = async (path: string) => await new Response(await openFile(store, NAME, path)).text();
  for (const path of ["/etc/version", "etc/version", "/link"]) {
    assertEquals(await text(path), "two");
  }
  assertEquals(await codeOf(() => text("/gone")), "E_NOT_FOUND");
  assertEquals(await codeOf(() => text("/etc")), "E_USAGE");
  assertEquals(await codeOf(() => text("/loop")), "E_LOOP");
  assertEquals(await codeOf(() => text("/link/x")), "E_NOT_DIR");
  assertEquals(lookup(await imageTree(store, NAME), fromText("gone")), undefined);
});

Deno.test("the reader of a file owns its bytes, and an abort ends the stream", async () => {
  await using fixture = reworkFixture();
  const { store } = fixture;
  await fixture.load(image);
  for await (const bytes of await openFile(store, NAME, "link")) bytes.fill(0);
  assertEquals(await new Response(await openFile(store, NAME, "link")).text(), "two");
  const controller = new AbortController(), reason = { why: "enough" };
  const { signal } = controller;
  const stream = await openFile(store, NAME, "link", { signal });
  controller.abort(reason);
  assertStrictEquals(await Array.fromAsync(stream).catch((error) => error), reason);
  assertStrictEquals(await openFile(store, NAME, "link", { signal }).catch((e) => e), reason);
});
