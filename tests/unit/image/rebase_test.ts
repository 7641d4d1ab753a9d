import { assertEquals } from "@std/assert";
import { rebaseImage } from "../../../lib/image/mod.ts";
import { applyLayer } from "../../../lib/layer/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { buildImage } from "../../support/images/images.ts";
import { NOW_TEXT, reworkFixture } from "../../support/images/memory_store.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";

const BASE_1: readonly TarFixture[] = [{ name: "etc/release", content: "1" }];
const BASE_2: readonly TarFixture[] = [{ name: "etc/release", content: "2" }];
const EXTRA: readonly TarFixture[] = [{ name: "usr/lib/x", content: "x" }];
const OWN: readonly TarFixture[] = [{ name: "app", content: "app" }, { name: "etc/.wh.old" }];

const step = (created_by: string, empty = false) => ({
  created_by,
  ...(empty ? { empty_layer: true } : {}),
});
const base1 = buildImage({
  name: "example.org/base:1",
  layers: [BASE_1],
  config: { history: [step("base 1"), step("cmd 1", true)] },
});
const base2 = buildImage({
  name: "example.org/base:2",
  layers: [BASE_2, EXTRA],
  packing: "zstd",
  docker: false,
  config: { history: [step("base 2"), step("cmd 2", true), step("extra 2")] },
});
const app = buildImage({
  name: "example.org/app:1",
  layers: [BASE_1, OWN],
  docker: true,
  config: {
    config: { Cmd: ["/app"], Env: ["A=1"] },
    history: [step("base 1"), step("cmd 1", true), step("env A", true), step("own")],
  },
});
const APP = "example.org/app:1";
const BASES = {
  oldBase: "example.org/base:1",
  newBase: "example.org/base:2",
};

Deno.test("rebase: the image's own layers and history are moved to the new base", async () => {
  await using fixture = reworkFixture();
  await fixture.load(base1, base2, app);
  const made = await rebaseImage(fixture.store, APP, {
    ...BASES,
    ...fixture.as("example.org/app:2"),
  });
  const ids = [...base2.layers, app.layers[1]].map((layer) => layer?.diffId as string);
  assertEquals(made.layers.map(({ diffId }) => diffId as string), ids);
  const { config, manifest, layers } = await fixture.read("example.org/app:2");
  assertEquals(config.document, {
    ...(await fixture.read("example.org/app:1")).config.document,
    created: NOW_TEXT,
    rootfs: { type: "layers", diff_ids: ids },
    history: [
      ...[step("base 2"), step("cmd 2", true), step("extra 2")],
      ...[step("env A", true), step("own")],
    ],
  });
  assertEquals({ ...manifest.annotations }, {
    "org.opencontainers.image.base.digest": base2.descriptor.digest,
    "org.opencontainers.image.base.name": "example.org/base:2",
  });
  const oci = "application/vnd.oci.image.layer.v1.tar";
  assertEquals(layers.map(({ descriptor: { mediaType } }) => mediaType), [
    `${oci}+zstd`,
    `${oci}+zstd`,
    `${oci}+gzip`,
  ]);
  // Applied: what the own layers do to the new base.
  const own = await fixture.store.layers.tree(made.layers[2]!.diffId);
  const expected = applyLayer(await fixture.tree("example.org/base:2"), own);
  assertEquals((await fixture.tree("example.org/app:2")).digest, expected.digest);
});

Deno.test("rebase: a history that does not begin like the base is cut after the base's layers", async () => {
  await using fixture = reworkFixture();
  const squeezed = buildImage({
    name: "example.org/app:1",
    layers: [BASE_1, OWN],
    config: { history: [step("something else"), step("own"), step("last", true)] },
  });
  await fixture.load(base1, base2, squeezed);
  await rebaseImage(fixture.store, APP, { ...BASES, ...fixture.as("example.org/app:2") });
  const { config } = await fixture.read("example.org/app:2");
  assertEquals(config.history.map(({ createdBy }) => createdBy), [
    ...["base 2", "cmd 2", "extra 2", "own", "last"],
  ]);
});

Deno.test("rebase: onto the same base changes no layer", async () => {
  await using fixture = reworkFixture();
  await fixture.load(base1, app);
  const bases = { ...BASES, newBase: BASES.oldBase };
  const made = await rebaseImage(fixture.store, APP, { ...bases, ...fixture.as("same:1") });
  assertEquals(made.chainId, app.chainId);
});

Deno.test("rebase: images that cannot be rebased are refused", async () => {
  await using fixture = reworkFixture();
  const arm = buildImage({
    name: "example.org/arm:1",
    layers: [BASE_2],
    config: { architecture: "arm64" },
  });
  await fixture.load(base1, base2, app, arm);
  const { store } = fixture;
  const code = (bases: Partial<typeof BASES>, image = APP) =>
    codeOf(() => rebaseImage(store, image, { ...BASES, ...bases, ...fixture.as("no:1") }));
  assertEquals(await code({ oldBase: "example.org/base:2" }), "E_PRECONDITION");
  // The base is longer than the image.
  assertEquals(await code({ oldBase: APP }, BASES.oldBase), "E_PRECONDITION");
  assertEquals(await code({ newBase: "example.org/arm:1" }), "E_PLATFORM");
  assertEquals(await code({ newBase: "example.org/none:1" }), "E_NOT_FOUND");
  assertEquals(store.images.get("docker.io/library/no:1"), undefined);
});
