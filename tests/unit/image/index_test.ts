/** Indexes are made of images of a store, changed, and read. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import {
  addToIndex,
  type AddToIndexOptions,
  createIndex,
  readIndex,
  removeFromIndex,
} from "../../../lib/image/mod.ts";
import { MEDIA_TYPES, type Platform } from "../../../lib/oci/mod.ts";
import { readImage } from "../../../lib/store/mod.ts";
import { archiveTar, describe, jsonBytes, ociFiles } from "../../support/images/images.ts";
import {
  AMD,
  amd,
  ARM,
  arm,
  attestationOf,
  attested,
  entryOf,
  image,
  indexFixture,
  indexOf,
  OF_AMD,
  OF_ARM,
  ofAmd,
  ofArm,
  on,
  refused,
  RISCV,
  shown,
} from "../../support/images/index_fixture.ts";
import { streamOf } from "../../support/images/memory_store.ts";

Deno.test("an index names each image once, with the platform of its config", async () => {
  await using fixture = await indexFixture();
  const { store, create, warnings } = fixture;
  const images = ["x.org/amd64:1", "x.org/arm64:1", amd.imageId];
  const made = await create("x.org/both:1", images, { annotations: { b: "2", a: "1" } });
  assertEquals(shown(made), [AMD, ARM]);
  assertEquals(made.entries.map(({ isPresent }) => isPresent), [true, true]);
  assertEquals(made.record.name, "x.org/both:1");
  assertEquals(made.record.target, {
    mediaType: MEDIA_TYPES.index,
    digest: made.record.target.digest,
    size: made.index.raw.length,
  });
  assertEquals(
    new TextDecoder().decode(await store.blobs.read(made.record.target.digest)),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.index,
      manifests: [amd, arm].map(({ descriptor }, at) => ({
        ...descriptor,
        platform: { architecture: ["amd64", "arm64"][at], os: "linux" },
      })),
      annotations: { a: "1", b: "2" },
    }),
  );
  assertEquals(await readIndex(store, "x.org/both:1"), made);
  // The same images give the same bytes, and a name that is taken moves.
  const again = await create("x.org/amd64:1", images, { annotations: { a: "1", b: "2" } });
  assertEquals(again.index.raw, made.index.raw);
  const names = store.images.list().map(({ name }) => name);
  assertEquals(names.includes(`<none>@${amd.descriptor.digest}`), true);
  assertEquals(warnings, []);
});

Deno.test("an index that is added gives its manifests, and those of its inner indexes", async () => {
  await using fixture = await indexFixture();
  const { load, create, store, warnings } = fixture;
  const inner = indexOf([entryOf(arm, "arm64"), ofArm.entry]);
  const outer = indexOf([describe(MEDIA_TYPES.index, inner), entryOf(amd, "amd64"), ofAmd.entry]);
  await load("nested", outer, [inner, ...ofAmd.files, ...ofArm.files]);
  const made = await create("x.org/flat:1", ["x.org/nested:1", "x.org/riscv64:1"]);
  assertEquals(shown(made), [ARM, OF_ARM, AMD, OF_AMD, RISCV]);
  const some = await create("x.org/some:1", ["x.org/nested:1"], { platforms: [on("linux/arm64")] });
  assertEquals(shown(some), [ARM, OF_ARM]);
  // The name of one platform stands for that platform.
  const { target } = store.images.get("x.org/nested:1") ?? made.record;
  store.images.set("x.org/one:1", target, { platform: on("linux/amd64") });
  assertEquals(shown(await create("x.org/two:1", ["x.org/one:1"])), [AMD, OF_AMD]);
  // So does an image that was read for one.
  const read = await readImage(store, "x.org/nested:1", { platform: on("linux/arm64") });
  const three = await createIndex(store, [read], { name: "x.org/three:1" });
  assertEquals(shown(three), [ARM, OF_ARM]);
  assertEquals(warnings, []);
});

Deno.test("what the store does not hold is left out, with a warning", async () => {
  await using fixture = await indexFixture();
  const { create, warnings } = fixture;
  const absent = {
    ...describe(MEDIA_TYPES.manifest, jsonBytes("s390x")),
    platform: on("linux/s390x"),
  };
  const ofAbsent = attestationOf(absent.digest);
  const partial = indexOf([absent, ofAbsent.entry, entryOf(amd, "amd64"), ofAmd.entry]);
  await fixture.load("partial", partial);
  const { entries } = await readIndex(fixture.store, "x.org/partial:1");
  assertEquals(entries.map(({ isPresent }) => isPresent), [false, false, true, false]);
  assertEquals(shown(await create("x.org/made:1", ["x.org/partial:1"])), [AMD]);
  assertEquals(warnings.splice(0), [
    "x.org/partial:1: left out what the store does not hold: linux/s390x, attestations (1)",
  ]);
  const { code, message } = await refused(() =>
    create("x.org/no:1", ["x.org/partial:1"], { platforms: [on("linux/s390x")] })
  );
  assertEquals(code, "E_PLATFORM");
  assertStringIncludes(message, "none of it for linux/s390x; it has linux/amd64");
  const other = await refused(() =>
    create("x.org/no:1", ["x.org/amd64:1"], { platforms: [on("amd64"), on("arm64")] })
  );
  assertStringIncludes(other.message, "no image is for linux/arm64");
  assertEquals(warnings, []);
});

Deno.test("images are added in place, described, and removed with their attestations", async () => {
  await using fixture = await indexFixture();
  const { store, load, options, warnings } = fixture;
  await load("app", attested, [...ofAmd.files, ...ofArm.files]);
  const before = await readIndex(store, "x.org/app:1");
  const add = (images: readonly string[], more?: AddToIndexOptions) =>
    addToIndex(store, "x.org/app:1", images, options(more));
  const remove = (...removed: readonly (string | Platform)[]) =>
    removeFromIndex(store, "x.org/app:1", removed);
  const platform = on("linux/amd64/v2");
  const added = await add(["x.org/amd64:1"], {
    descriptorPlatform: platform,
    descriptorAnnotations: { a: "1" },
    annotations: { b: "2" },
  });
  const [first] = added.index.manifests;
  assertEquals([first?.platform, { ...first?.annotations }], [platform, { a: "1" }]);
  assertEquals(shown(added).slice(1), [ARM, OF_AMD, OF_ARM]);
  // The old index is given up: no row keeps it.
  const names = store.images.list().filter(({ target }) =>
    target.digest === before.record.target.digest
  );
  assertEquals(names, []);
  const again = await add(["x.org/amd64:1", "x.org/riscv64:1"], {
    descriptorAnnotations: { c: "3" },
  });
  assertEquals({ ...again.index.annotations }, { b: "2" });
  assertEquals({ ...again.index.manifests[0]?.annotations }, { a: "1", c: "3" });
  assertEquals(again.index.manifests[0]?.platform, platform);
  assertEquals(shown(again).slice(1), [ARM, OF_AMD, OF_ARM, RISCV]);
  assertEquals(warnings.splice(0), []);
  assertEquals(shown(await remove(amd.descriptor.digest.slice(7, 15))), [ARM, OF_ARM, RISCV]);
  assertEquals(shown(await remove(on("unknown/unknown"))), [ARM, RISCV]);
  assertEquals(shown(await remove(on("linux/riscv64"))), [ARM]);
  for (
    const [removed, code] of [
      [on("linux/arm64"), "E_PRECONDITION"],
      [on("linux/arm/v7"), "E_NOT_FOUND"],
      [amd.descriptor.digest, "E_NOT_FOUND"],
      ["sha", "E_USAGE"],
      ["*", "E_USAGE"],
    ] as const
  ) assertEquals((await refused(() => remove(removed))).code, code);
  assertEquals(shown(await readIndex(store, "x.org/app:1")), [ARM]);
});

Deno.test("two images for one platform are told", async () => {
  await using fixture = await indexFixture();
  const { store, create, options, warnings } = fixture;
  const other = image("amd64", { author: "another" });
  await loadImages(store, streamOf(archiveTar(ociFiles([{ ...other, name: "x.org/other:1" }]))));
  const several = "it has several images for linux/amd64; most clients take the first";
  await create("x.org/a:1", ["x.org/amd64:1", "x.org/other:1"]);
  assertEquals(warnings.splice(0), [`x.org/a:1: ${several}`]);
  // Whoever made an index with two of them meant it.
  await create("x.org/b:1", ["x.org/a:1", "x.org/arm64:1"]);
  assertEquals(warnings, []);
  await addToIndex(store, "x.org/b:1", ["x.org/riscv64:1"], options());
  assertEquals(warnings, []);
  const left = await removeFromIndex(store, "x.org/b:1", [on("linux/amd64")]);
  assertEquals(shown(left), [ARM, RISCV]);
});
