/** Laws of images that are made of images, over random stacks of layers. */
import { assertEquals } from "@std/assert";
import {
  appendImage,
  exportImage,
  importImage,
  rebaseImage,
  squashImage,
} from "../../lib/image/mod.ts";
import { applyLayer, foldLayers } from "../../lib/layer/mod.ts";
import { buildImage, sha256Of } from "../support/images/images.ts";
import { bytesOf, reworkFixture, streamOf } from "../support/images/memory_store.ts";
import { forSeeds } from "../support/prng.ts";
import { randomLayer, randomStack } from "../support/trees/random_stack.ts";

const CASES = 1000;
const NAME = "example.org/random:1";
const platform = { os: "linux", architecture: "amd64" };

Deno.test("squash and export give the root tree as one layer; import gives it back", async () => {
  await forSeeds(CASES, async (random) => {
    await using fixture = reworkFixture();
    const { store } = fixture;
    await fixture.load(buildImage({ name: NAME, layers: randomStack(random), packing: "none" }));
    const before = (await fixture.tree(NAME)).digest;
    const squashed = await squashImage(store, NAME, fixture.as("squashed:1"));
    assertEquals((await fixture.tree("squashed:1")).digest, before);
    const tar = await bytesOf(await exportImage(store, NAME));
    assertEquals(squashed.layers[0]?.diffId, sha256Of(tar));
    await importImage(store, streamOf(tar), { ...fixture.as("flat:1"), platform });
    assertEquals((await fixture.tree("flat:1")).digest, before);
    // What is flat already is its own export.
    assertEquals(await bytesOf(await exportImage(store, "flat:1")), tar);
  });
});

Deno.test("append applies a layer, and rebase applies layers one after another", async () => {
  await forSeeds(CASES, async (random) => {
    await using fixture = reworkFixture();
    const { store } = fixture;
    const [oldBase, newBase] = ["example.org/old:1", "example.org/new:1"];
    await fixture.load(
      buildImage({ name: oldBase, layers: randomStack(random), packing: "none" }),
      buildImage({ name: newBase, layers: randomStack(random), packing: "none" }),
    );
    const tars = Array.from({ length: random.int(1, 3) }, () => randomLayer(random));
    let image = oldBase;
    for (const [at, tar] of tars.entries()) {
      const below = await fixture.tree(image);
      const { layers } = await appendImage(store, image, streamOf(tar), fixture.as(`app:${at}`));
      image = `app:${at}`;
      const own = await store.layers.tree(layers.at(-1)!.diffId);
      assertEquals((await fixture.tree(image)).digest, applyLayer(below, own).digest);
    }
    const bases = { oldBase, newBase };
    const rebased = await rebaseImage(store, image, { ...bases, ...fixture.as("rebased:1") });
    const own = rebased.layers.slice(-tars.length).map(({ diffId }) => store.layers.tree(diffId));
    const base = (await fixture.read(newBase)).layers.map(({ diffId }) =>
      store.layers.tree(diffId)
    );
    const expected = foldLayers(await Promise.all([...base, ...own]));
    assertEquals((await fixture.tree("rebased:1")).digest, expected.digest);
    // There and back again: the same layers.
    const back = { oldBase: newBase, newBase: oldBase };
    const again = await rebaseImage(store, "rebased:1", { ...back, ...fixture.as("back:1") });
    assertEquals(
      again.layers.map(({ diffId }) => diffId),
      (await fixture.read(image)).layers.map(({ diffId }) => diffId),
    );
  });
});
