import { assertEquals } from "@std/assert";
import { exportImage, squashImage } from "../../../lib/image/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { buildImage, sha256Of } from "../../support/images/images.ts";
import { bytesOf, NOW_TEXT, reworkFixture } from "../../support/images/memory_store.ts";
import { sampleImage } from "../../support/images/sample_image.ts";

const SAMPLE = "example.org/sample:1";

Deno.test("squash: gives one layer with the same root tree, which is the flat tar", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage());
  const made = await squashImage(fixture.store, SAMPLE, fixture.as("squashed:1"));
  const [before, after] = [await fixture.tree(SAMPLE), await fixture.tree("squashed:1")];
  assertEquals(after.digest, before.digest);
  assertEquals(made.layers.length, 1);
  const flat = await bytesOf(await exportImage(fixture.store, SAMPLE));
  assertEquals(made.layers[0]?.diffId, sha256Of(flat));
  assertEquals(made.layers[0]?.digest, sha256Of(flat));
});

Deno.test("squash: the config stays, and only the last step of the history has a layer", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage({ config: { "x.unknown": { kept: [1] } } }));
  const made = await squashImage(fixture.store, SAMPLE, fixture.as("squashed:1"));
  const [before, after] = [await fixture.read(SAMPLE), await fixture.read("squashed:1")];
  assertEquals(after.config.document, {
    ...before.config.document,
    created: NOW_TEXT,
    rootfs: { type: "layers", diff_ids: [made.layers[0]?.diffId as string] },
    history: [
      ...[0, 1, 2].map((at) => ({ created_by: `fixture layer ${at}`, empty_layer: true })),
      { created: NOW_TEXT, created_by: "varve squash", comment: "3 layers as one" },
    ],
  });
  assertEquals(after.config.config, before.config.config);
});

Deno.test("squash: a second squash gives the same layer; an image without layers is refused", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage(), buildImage({ name: "example.org/empty:1", layers: [] }));
  const { store } = fixture;
  const once = await squashImage(store, SAMPLE, fixture.as("once:1"));
  const twice = await squashImage(store, "once:1", fixture.as("twice:1"));
  assertEquals(twice.layers[0]?.diffId, once.layers[0]?.diffId);
  const empty = () => squashImage(store, "example.org/empty:1", fixture.as("no:1"));
  assertEquals(await codeOf(empty), "E_PRECONDITION");
  assertEquals(store.images.get("docker.io/library/no:1"), undefined);
});

Deno.test("squash: a name moves to the new image, and the old one is kept without a name", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage());
  const before = fixture.store.images.get(SAMPLE)?.target.digest;
  const made = await squashImage(fixture.store, SAMPLE, fixture.as(SAMPLE));
  assertEquals(fixture.store.images.get(SAMPLE)?.target.digest, made.manifest);
  const names = fixture.store.images.list().map(({ name }) => name);
  assertEquals(names.sort(), [`<none>@${before}`, SAMPLE].sort());
});
