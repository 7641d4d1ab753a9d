import { assertEquals } from "@std/assert";
import {
  appendImage,
  importImage,
  type NewImageOptions,
  rebaseImage,
  squashImage,
} from "../../../lib/image/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { buildImage } from "../../support/images/images.ts";
import { reworkFixture, streamOf } from "../../support/images/memory_store.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const BASE = [{ name: "base", content: "b" }];
const TOP = [{ name: "top", content: "t" }];
const TAR = tarOf([{ name: "new", content: "n" }]);

/** A document of that many levels. */
function nested(levels: number): unknown {
  return levels === 1 ? {} : { inside: nested(levels - 1) };
}

/** Two images, one on the other, whose configs nest deeper than the default limit allows. */
function deepImages() {
  const config = { "org.example.deep": nested(100) };
  return [
    buildImage({ name: "base:1", layers: [BASE], config }),
    buildImage({ name: "app:1", layers: [BASE, TOP], config }),
  ];
}

type Make = (
  store: Parameters<typeof appendImage>[0],
  options: NewImageOptions,
) => Promise<unknown>;

const VERBS: Readonly<Record<string, Make>> = {
  append: (store, options) => appendImage(store, "app:1", streamOf(TAR), options),
  rebase: (store, options) =>
    rebaseImage(store, "app:1", { ...options, oldBase: "base:1", newBase: "base:1" }),
  squash: (store, options) => squashImage(store, "app:1", options),
};

for (const [verb, make] of Object.entries(VERBS)) {
  Deno.test(`${verb}: an image that the settings allow to load can also be reworked`, async () => {
    await using fixture = reworkFixture();
    fixture.store.settings.set("limits.oci.jsonDepth", "200");
    await fixture.load(...deepImages());
    await make(fixture.store, fixture.as("new:1"));
    const { config } = await fixture.read("new:1");
    assertEquals(config.document["org.example.deep"], nested(100) as never);
  });
}

Deno.test("append: an image that exceeds the limits for reading is not made", async () => {
  const app = buildImage({ name: "app:1", layers: [BASE, TOP] });
  const just = { layers: 2, config: app.config.length, manifest: app.manifest.length };
  for (const [setting, limit] of Object.entries(just)) {
    await using fixture = reworkFixture();
    await fixture.load(app);
    fixture.store.settings.set(`limits.oci.${setting}`, String(limit));
    const made = () => appendImage(fixture.store, "app:1", streamOf(TAR), fixture.as("new:1"));
    assertEquals(await codeOf(made), "E_LIMIT", setting);
    assertEquals(fixture.store.images.list().map(({ name }) => name), [
      "docker.io/library/app:1",
    ]);
  }
});

Deno.test("import: an image that exceeds the limits for reading is not made", async () => {
  await using fixture = reworkFixture();
  fixture.store.settings.set("limits.oci.config", "100");
  const platform = { os: "linux", architecture: "amd64" };
  const options = { ...fixture.as("new:1"), platform };
  assertEquals(await codeOf(() => importImage(fixture.store, streamOf(TAR), options)), "E_LIMIT");
  assertEquals(fixture.store.images.list(), []);
});
