import { assertEquals } from "@std/assert";
import { appendImage } from "../../../lib/image/mod.ts";
import { fromText, lookup } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { buildImage, pack, sha256Of } from "../../support/images/images.ts";
import { NOW_TEXT, reworkFixture, streamOf } from "../../support/images/memory_store.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const SAMPLE = "example.org/sample:1";
const TAR = tarOf([{ name: "etc/.wh.passwd" }, { name: "new", content: "n" }]);

Deno.test("append: adds one layer and one step of history", async () => {
  await using fixture = reworkFixture();
  const sample = sampleImage();
  await fixture.load(sample);
  const blob = pack(TAR, "gzip");
  const made = await appendImage(
    fixture.store,
    SAMPLE,
    streamOf(blob),
    fixture.as("example.org/sample:2"),
  );
  assertEquals(made.layers.map(({ digest }) => digest as string), [
    ...sample.layers.map(({ descriptor }) => descriptor.digest),
    sha256Of(blob),
  ]);
  assertEquals(made.layers.map(({ processed }) => processed), [false, false, false, true]);
  const { config } = await fixture.read("example.org/sample:2");
  assertEquals(config.created, NOW_TEXT);
  assertEquals(config.history.at(-1), { created: NOW_TEXT, createdBy: "varve append" });
  assertEquals(config.diffIds.at(-1), sha256Of(TAR));
  const tree = await fixture.tree("example.org/sample:2");
  assertEquals(lookup(tree, fromText("etc/passwd")), undefined);
  assertEquals(lookup(tree, fromText("new"))?.type, "file");
});

Deno.test("append: works on an image without layers, and with the same layer twice", async () => {
  await using fixture = reworkFixture();
  await fixture.load(buildImage({ name: "example.org/empty:1", layers: [] }));
  const { store } = fixture;
  const once = await appendImage(store, "example.org/empty:1", streamOf(TAR), fixture.as("a:1"));
  const twice = await appendImage(store, "a:1", streamOf(TAR), fixture.as("a:2"));
  assertEquals(once.layers.map(({ diffId }) => diffId as string), [sha256Of(TAR)]);
  assertEquals(twice.layers.map(({ diffId }) => diffId as string), [sha256Of(TAR), sha256Of(TAR)]);
  assertEquals(store.layers.list().length, 1);
});

Deno.test("append: a failure leaves nothing", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage());
  const { store } = fixture;
  const bad = tarOf([{ name: "a/.wh." }]);
  const run = (reference: string, bytes: Uint8Array) => () =>
    appendImage(store, reference, streamOf(bytes), fixture.as("no:1"));
  assertEquals(await codeOf(run(SAMPLE, bad)), "E_WHITEOUT");
  assertEquals(await codeOf(run("nothing:1", TAR)), "E_NOT_FOUND");
  assertEquals(store.images.list().map(({ name }) => name), [SAMPLE]);
  assertEquals(store.layers.list().length, 3);
});
