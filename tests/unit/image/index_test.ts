/** Indexes are made of images of a store, changed, and read. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import {
  addToIndex,
  type AddToIndexOptions,
  createIndex,
  readIndex,
  removeFromIndex,
  type StoredIndex,
} from "../../../lib/image/mod.ts";
import {
  formatPlatform,
  MEDIA_TYPES,
  OCI_LIMITS,
  parsePlatform,
  type Platform,
} from "../../../lib/oci/mod.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  type BuiltDescriptor,
  describe,
  jsonBytes,
  ociFiles,
} from "../../support/images/images.ts";
import { type Images, readImage, type Store } from "../../../lib/store/mod.ts";
import { reworkFixture, streamOf } from "../../support/images/memory_store.ts";

const on = (text: string): Platform => parsePlatform(text, { os: "linux", architecture: "amd64" });

const image = (architecture: string, more: Parameters<typeof buildImage>[0]["config"] = {}) =>
  buildImage({
    name: `x.org/${architecture}:1`,
    layers: [[{ name: "arch", content: architecture }]],
    config: { architecture, ...more },
  });
const [amd, arm, riscv] = [image("amd64"), image("arm64"), image("riscv64")] as const;

/** An attestation as BuildKit makes it. */
function attestationOf(digest: string) {
  const part = jsonBytes({ about: digest });
  const config = jsonBytes({
    architecture: "unknown",
    os: "unknown",
    rootfs: { type: "layers", diff_ids: [] },
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: describe(MEDIA_TYPES.config, config),
    layers: [describe("application/vnd.in-toto+json", part)],
  });
  return {
    files: [part, config, manifest],
    entry: {
      ...describe(MEDIA_TYPES.manifest, manifest),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.digest": digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
    },
  };
}

const entryOf = ({ descriptor }: typeof amd, architecture: string) => ({
  ...descriptor,
  platform: { os: "linux", architecture },
});
const ofAmd = attestationOf(amd.descriptor.digest);
const ofArm = attestationOf(arm.descriptor.digest);
const indexOf = (manifests: readonly unknown[], more = {}) =>
  jsonBytes({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests, ...more });

/** An archive with one image, `x.org/NAME:1`, whose target is an index. `left` are digests that are not in it. */
function archive(
  name: string,
  index: Uint8Array<ArrayBuffer>,
  others: readonly Uint8Array<ArrayBuffer>[] = [],
  left: readonly string[] = [],
): ReadableStream<Uint8Array> {
  const files = new Map(ociFiles([amd, arm]));
  for (const bytes of [index, ...others]) files.set(blobPath(describe("", bytes).digest), bytes);
  for (const digest of left) files.delete(blobPath(digest));
  const target: BuiltDescriptor = describe(MEDIA_TYPES.index, index);
  const annotations = { "io.containerd.image.name": `x.org/${name}:1` };
  files.set("index.json", indexOf([{ ...target, annotations }]));
  return streamOf(archiveTar(files));
}

const attested = indexOf([entryOf(amd, "amd64"), entryOf(arm, "arm64"), ofAmd.entry, ofArm.entry]);

async function fixture() {
  const rework = reworkFixture();
  const { store, pool } = rework;
  await rework.load(amd, arm, riscv);
  const load = async (...args: Parameters<typeof archive>) =>
    void await loadImages(store, archive(...args), { pool });
  const warnings: string[] = [];
  const options = (more: AddToIndexOptions = {}): AddToIndexOptions => ({
    onWarning: (message) => void warnings.push(message),
    ...more,
  });
  const create = (name: string, images: readonly string[], more?: AddToIndexOptions) =>
    createIndex(store, images, { name, ...options(more) });
  return {
    ...{ store, load, warnings, options, create },
    [Symbol.asyncDispose]: () => rework[Symbol.asyncDispose](),
  };
}

/** Platforms and digests of what an index names. */
const shown = ({ index }: StoredIndex): [string, string][] =>
  index.manifests.map(({ platform, digest }) => [platform ? formatPlatform(platform) : "", digest]);
const AMD = ["linux/amd64", amd.descriptor.digest] as [string, string];
const ARM = ["linux/arm64", arm.descriptor.digest] as [string, string];
const RISCV = ["linux/riscv64", riscv.descriptor.digest] as [string, string];
const OF_AMD = ["unknown/unknown", ofAmd.entry.digest] as [string, string];
const OF_ARM = ["unknown/unknown", ofArm.entry.digest] as [string, string];

/** The error that a call is refused with. */
async function refused(call: () => Promise<unknown>): Promise<VarveError> {
  return await assertRejects(call, VarveError);
}

Deno.test("an index names each image once, with the platform of its config", async () => {
  await using on_ = await fixture();
  const { store, create, warnings } = on_;
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
  await using on_ = await fixture();
  const { load, create, store, warnings } = on_;
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
  await using on_ = await fixture();
  const { create, warnings } = on_;
  const absent = {
    ...describe(MEDIA_TYPES.manifest, jsonBytes("s390x")),
    platform: on("linux/s390x"),
  };
  const ofAbsent = attestationOf(absent.digest);
  const partial = indexOf([absent, ofAbsent.entry, entryOf(amd, "amd64"), ofAmd.entry]);
  await on_.load("partial", partial);
  const { entries } = await readIndex(on_.store, "x.org/partial:1");
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
  await using on_ = await fixture();
  const { store, load, options, warnings } = on_;
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
  await using on_ = await fixture();
  const { store, create, options, warnings } = on_;
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

Deno.test("what is no image, no index or too much is refused, and nothing changes", async () => {
  await using on_ = await fixture();
  const { store, create, options } = on_;
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
  await using on_ = await fixture();
  const { store, create, options } = on_;
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
  await using on_ = await fixture();
  const { store, create } = on_;
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
