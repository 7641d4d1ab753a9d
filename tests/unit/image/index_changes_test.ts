/** Changes of indexes that are refused, meet others, or change the media type. */
import { assertEquals, assertRejects } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { addToIndex, type AddToIndexOptions, readIndex } from "../../../lib/image/mod.ts";
import { MEDIA_TYPES, OCI_LIMITS } from "../../../lib/oci/mod.ts";
import type { Images, Store } from "../../../lib/store/mod.ts";
import {
  archiveTar,
  buildImage,
  type BuiltImage,
  describe,
  jsonBytes,
  ociFiles,
} from "../../support/images/images.ts";
import {
  AMD,
  amd,
  ARM,
  entryOf,
  indexFixture,
  indexOf,
  on,
  refused,
  shown,
} from "../../support/images/index_fixture.ts";
import { streamOf } from "../../support/images/memory_store.ts";

Deno.test("a list of Docker stays one until it gets what it cannot hold", async () => {
  await using fixture = await indexFixture();
  const { store, options } = fixture;
  const [one, two] = ["ppc64le", "s390x"].map((architecture) =>
    buildImage({
      name: `x.org/${architecture}:1`,
      docker: true,
      layers: [],
      config: { architecture },
    })
  ) as [BuiltImage, BuiltImage];
  await loadImages(store, streamOf(archiveTar(ociFiles([one, two]))));
  await using ingest = await store.ingest();
  const list = await ingest.blob(
    jsonBytes({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.dockerIndex,
      manifests: [entryOf(one, "ppc64le")],
    }),
    MEDIA_TYPES.dockerIndex,
  );
  ingest.image("x.org/list:1", list);
  await ingest.commit();
  const types: string[] = [];
  for (const image of ["x.org/s390x:1", "x.org/amd64:1"]) {
    const { record, index } = await addToIndex(store, "x.org/list:1", [image], options());
    assertEquals(record.target.mediaType, index.mediaType);
    types.push(index.mediaType);
  }
  assertEquals(types, [MEDIA_TYPES.dockerIndex, MEDIA_TYPES.index]);
  const { index } = await fixture.create("x.org/new:1", ["x.org/s390x:1"]);
  assertEquals(index.mediaType, MEDIA_TYPES.index);
  assertEquals(index.manifests[0]?.mediaType, MEDIA_TYPES.dockerManifest);
});

Deno.test("what is no image, no index or too much is refused, and nothing changes", async () => {
  await using fixture = await indexFixture();
  const { store, create, options } = fixture;
  await using ingest = await store.ingest();
  const artifact = await ingest.blob(
    jsonBytes({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: describe("application/vnd.example.config", jsonBytes({})),
      layers: [],
    }),
    MEDIA_TYPES.manifest,
  );
  const list = await ingest.blob(
    indexOf([amd.descriptor], { artifactType: "application/vnd.example" }),
    MEDIA_TYPES.index,
  );
  ingest.image("x.org/artifact:1", artifact);
  ingest.image("x.org/typed:1", { ...artifact, artifactType: "application/vnd.example" });
  ingest.image("x.org/list:1", list);
  await ingest.commit();
  await create("x.org/both:1", ["x.org/amd64:1", "x.org/arm64:1"]);
  const before = store.images.list();
  const add = (name: string, image: string, more?: AddToIndexOptions) => () =>
    addToIndex(store, name, [image], options(more));
  for (
    const [call, code] of [
      [() => create("x.org/n:1", ["x.org/artifact:1"]), "E_NOT_IMAGE"],
      [() => create("x.org/n:1", ["x.org/typed:1"]), "E_NOT_IMAGE"],
      [() => create("x.org/n:1", ["x.org/list:1"]), "E_NOT_IMAGE"],
      [() => create("x.org/n:1", ["x.org/none:1"]), "E_NOT_FOUND"],
      [() => create(`x.org/n@${artifact.digest}`, ["x.org/amd64:1"]), "E_USAGE"],
      [add("x.org/list:1", "x.org/amd64:1"), "E_NOT_IMAGE"],
      [add("x.org/amd64:1", "x.org/arm64:1"), "E_PRECONDITION"],
      [add("x.org/none:1", "x.org/arm64:1"), "E_NOT_FOUND"],
      [add("x.org/both:1", "x.org/arm64:1", { descriptorPlatform: on("s390x") }), "E_USAGE"],
      [add("x.org/both:1", "x.org/both:1", { descriptorPlatform: on("arm64") }), "E_USAGE"],
      [() => readIndex(store, "x.org/amd64:1"), "E_PRECONDITION"],
    ] as const
  ) assertEquals((await refused(call)).code, code, String(call));
  await assertRejects(() => create("x.org/n:1", []), RangeError);
  for (const [limit, value] of [["index", 300], ["manifests", 2]] as const) {
    store.settings.set(OCI_LIMITS[limit].setting, `${value}`);
    const call = limit === "manifests"
      ? add("x.org/both:1", "x.org/riscv64:1")
      : () => create("x.org/n:1", ["x.org/amd64:1", "x.org/arm64:1"]);
    assertEquals((await refused(call)).code, "E_LIMIT", limit);
    store.settings.set(OCI_LIMITS[limit].setting, undefined);
  }
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(add("x.org/both:1", "x.org/riscv64:1", { signal }), Error, "enough");
  assertEquals(store.images.list(), before);
});

Deno.test("changes at the same time are not lost", async () => {
  await using fixture = await indexFixture();
  const { store, create, options } = fixture;
  await create("x.org/app:1", ["x.org/amd64:1"]);
  await Promise.all([
    addToIndex(store, "x.org/app:1", ["x.org/arm64:1"], options()),
    addToIndex(store, "x.org/app:1", ["x.org/riscv64:1"], options()),
    addToIndex(store, "x.org/app:1", ["x.org/amd64:1"], options({ annotations: { a: "1" } })),
  ]);
  const { index } = await readIndex(store, "x.org/app:1");
  assertEquals(index.manifests.map(({ platform }) => platform?.architecture).sort(), [
    ...["amd64", "arm64", "riscv64"],
  ]);
  assertEquals({ ...index.annotations }, { a: "1" });
});

Deno.test("an index that another process changed and removed is read again", async () => {
  await using fixture = await indexFixture();
  const { store, create } = fixture;
  const { record } = await create("x.org/app:1", ["x.org/amd64:1"]);
  const gone = { ...record.target, digest: sha256(jsonBytes("gone")) };
  const answers = [{ ...record, target: gone }];
  const images: Images = {
    get: (name) => answers.shift() ?? store.images.get(name),
    set: (...args) => store.images.set(...args),
    remove: (name) => store.images.remove(name),
    removeAll: (...args) => store.images.removeAll(...args),
    list: () => store.images.list(),
    candidates: (prefix) => store.images.candidates(prefix),
  };
  const { root, durability, blobs, layers, chains, snapshots, leases, settings } = store;
  const late: Store = {
    ...{ root, durability, blobs, layers, chains, images, snapshots, leases, settings },
    directories: null,
    ingest: () => store.ingest(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assertEquals(shown(await addToIndex(late, "x.org/app:1", ["x.org/arm64:1"])), [AMD, ARM]);
  assertEquals(answers, []);
});
