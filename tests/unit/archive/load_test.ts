import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { loadImages, saveImages, type SaveOptions } from "../../../lib/archive/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import type { LoadOptions } from "../../../lib/image/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  buildImage,
  type BuiltImage,
  dockerFiles,
  hybridFiles,
  jsonBytes,
  ociFiles,
  writeArchive,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

type Form = "tar" | "directory" | "stream" | "gzip" | "zstd";

/** Loads an archive in one of the ways that it can come. */
async function loadAs(store: Store, files: ArchiveFiles, form: Form, options: LoadOptions = {}) {
  await using temp = await tempDir();
  await using pool = createPool({ inline: true });
  const tar = archiveTar(files);
  const path = temp.join("image.tar");
  switch (form) {
    case "directory":
      await Deno.mkdir(temp.join("layout"));
      await writeArchive(temp.join("layout"), files);
      return await loadImages(store, temp.join("layout"), { pool, ...options });
    case "stream":
      return await loadImages(store, inPieces(tar, 1000), { pool, ...options });
    case "gzip":
      await Deno.writeFile(path, gzipSync(tar));
      return await loadImages(store, path, { pool, ...options });
    case "zstd":
      await Deno.writeFile(path, zstdCompressSync(tar));
      return await loadImages(store, path, { pool, ...options });
    case "tar":
      await Deno.writeFile(path, tar);
      return await loadImages(store, path, { pool, ...options });
  }
}

function inPieces(bytes: Uint8Array<ArrayBuffer>, length: number): ReadableStream<Uint8Array> {
  function* pieces() {
    for (let at = 0; at < bytes.length; at += length) yield bytes.slice(at, at + length);
  }
  return ReadableStream.from(pieces());
}

const FORMS: readonly Form[] = ["tar", "directory", "stream", "gzip", "zstd"];

/** Whether nothing at all is in a store. */
function assertEmpty(store: Store): void {
  assertEquals(
    [store.images.list(), store.layers.list(), store.chains.list(), store.blobs.list()],
    [[], [], [], []],
  );
}

function expectedLayers(image: BuiltImage) {
  return image.layers.map(({ diffId, chainId }) => ({ diffId, chainId }));
}

for (const form of FORMS) {
  Deno.test(`load: an OCI layout as ${form} keeps its digests`, async () => {
    await using store = openMemoryStore();
    const image = sampleImage();
    const [loaded, ...others] = await loadAs(store, ociFiles([image]), form);
    assertEquals(others, []);
    assertEquals(loaded?.names, ["example.org/sample:1"]);
    assertEquals(loaded?.imageId, image.imageId);
    assertEquals(loaded?.manifest, image.descriptor.digest);
    assertEquals(loaded?.chainId, image.chainId);
    assertEquals(
      loaded?.layers.map(({ diffId, chainId }) => ({ diffId, chainId } as unknown)),
      expectedLayers(image),
    );
    assertEquals(
      loaded?.layers.map(({ digest, size, uncompressedSize }) => [digest, size, uncompressedSize]),
      image.layers.map(({ descriptor, tar }) => [descriptor.digest, descriptor.size, tar.length]),
    );
    // What was loaded is there, byte for byte.
    for (const { descriptor, blob } of image.layers) {
      assertEquals(store.blobs.stat(descriptor.digest as never)?.size, blob.length);
    }
    assertEquals(store.images.get("example.org/sample:1")?.target.digest, image.descriptor.digest);
  });

  Deno.test(`load: a docker-archive as ${form} gives the same chainIDs`, async () => {
    await using store = openMemoryStore();
    const image = sampleImage();
    const [loaded] = await loadAs(store, dockerFiles([image]), form);
    assertEquals(loaded?.imageId, image.imageId);
    assertEquals(loaded?.chainId, image.chainId);
    assertEquals(
      loaded?.layers.map(({ digest, size }) => [digest, size]),
      image.layers.map(({ blob, descriptor }) => [descriptor.digest, blob.length]),
    );
  });
}

Deno.test("load: every form of a docker-archive gives the same manifest", async () => {
  const digests = new Set<string>();
  for (const form of FORMS) {
    await using store = openMemoryStore();
    const [loaded] = await loadAs(store, dockerFiles([sampleImage()]), form);
    digests.add(loaded?.manifest ?? "");
  }
  assertEquals(digests.size, 1);
});

Deno.test("load: a second load processes nothing and changes nothing", async () => {
  for (const form of FORMS) {
    await using store = openMemoryStore();
    const files = ociFiles([sampleImage()]);
    const [first] = await loadAs(store, files, form);
    const before = [store.layers.list(), store.blobs.list(), store.chains.list()];
    const [second] = await loadAs(store, files, form);
    assertEquals(second?.layers.map((layer) => layer.processed), [false, false, false]);
    assertEquals(first?.layers.map((layer) => layer.processed), [true, true, true]);
    assertEquals([store.layers.list(), store.blobs.list(), store.chains.list()], before);
  }
});

Deno.test("load: a layer that another image has is not processed again, whatever its position", async () => {
  await using store = openMemoryStore();
  const first = sampleImage();
  const [, middle] = first.layers;
  await loadAs(store, ociFiles([first]), "tar");
  const second = buildImage({
    name: "example.org/other:1",
    layers: [[{ name: "new", content: "x" }], middle?.tar as Uint8Array<ArrayBuffer>],
    packing: ["gzip", "zstd"],
  });
  const [loaded] = await loadAs(store, ociFiles([second]), "tar");
  assertEquals(loaded?.layers.map((layer) => layer.processed), [true, false]);
  assertEquals(loaded?.chainId, second.chainId);
});

Deno.test("load: the same diffID under another compression is verified before it is used", async () => {
  await using store = openMemoryStore();
  await loadAs(store, ociFiles([sampleImage({ packing: "gzip" })]), "tar");
  const again = sampleImage({ packing: "zstd", name: "example.org/zstd:1" });
  const [loaded] = await loadAs(store, ociFiles([again]), "tar");
  assertEquals(loaded?.layers.map((layer) => layer.processed), [true, true, true]);
  for (const { descriptor } of again.layers) {
    assertEquals(store.blobs.stat(descriptor.digest as never)?.size, descriptor.size);
  }
  assertEquals(store.layers.list().length, 3);
});

Deno.test("load: a hybrid archive is read as an OCI layout", async () => {
  await using store = openMemoryStore();
  const image = sampleImage();
  const [loaded] = await loadAs(store, hybridFiles([image]), "stream");
  assertEquals(loaded?.manifest, image.descriptor.digest);
});

Deno.test("load: all images of an archive become visible together, or not at all", async () => {
  const one = sampleImage();
  const two = buildImage({ name: "example.org/two:2", layers: [[{ name: "two", content: "2" }]] });
  {
    await using store = openMemoryStore();
    const loaded = await loadAs(store, ociFiles([one, two]), "tar");
    assertEquals(loaded.map(({ names }) => names[0]), [
      "example.org/sample:1",
      "example.org/two:2",
    ]);
  }
  for (const form of FORMS) {
    await using store = openMemoryStore();
    const files = new Map(ociFiles([one, two]));
    const broken = two.layers[0]?.descriptor.digest.replace(":", "/");
    files.delete(`blobs/${broken}`);
    const error = await assertRejects(() => loadAs(store, files, form), VarveError);
    assertEquals(error.code, "E_MISSING", form);
    assertEmpty(store);
  }
});

Deno.test("load: the user can name a single image, but not several", async () => {
  await using store = openMemoryStore();
  const image = sampleImage();
  const two = buildImage({ name: "example.org/two:2", layers: [[{ name: "two", content: "2" }]] });
  const [loaded] = await loadAs(store, ociFiles([image]), "tar", { name: "app:2" });
  assertEquals(loaded?.names, ["docker.io/library/app:2"]);
  const error = await assertRejects(
    () => loadAs(store, ociFiles([image, two]), "tar", { name: "app:3" }),
    VarveError,
  );
  assertEquals(error.code, "E_USAGE");
  assertEquals(store.images.list().map(({ name }) => name), ["docker.io/library/app:2"]);
});

Deno.test("load: a name with the digest of another image is left out", async () => {
  await using store = openMemoryStore();
  const other = buildImage({ layers: [[{ name: "other", content: "o" }]] }).descriptor.digest;
  const { digest } = sampleImage().descriptor;
  const image = { ...sampleImage(), name: `example.org/pinned@${other}` };
  for (const files of [ociFiles([image]), dockerFiles([image])]) {
    const warnings: string[] = [];
    const [loaded] = await loadAs(store, files, "tar", { onWarning: (one) => warnings.push(one) });
    assertEquals(loaded?.names, [`<none>@${loaded?.manifest}`]);
    assertEquals(warnings.length, 1);
    const given = { name: `example.org/given@${other}` };
    const error = await assertRejects(() => loadAs(store, files, "tar", given), VarveError);
    assertEquals(error.code, "E_USAGE");
  }
  assertEquals(store.images.list().filter(({ name }) => !name.startsWith("<none>@")), []);
  const own = { ...sampleImage(), name: `example.org/pinned@${digest}` };
  const [loaded] = await loadAs(store, ociFiles([own]), "tar");
  assertEquals(loaded?.names, [own.name]);
});

Deno.test("load: a nameless image is kept under its digest", async () => {
  await using store = openMemoryStore();
  const image = buildImage({ layers: [[{ name: "a", content: "a" }]] });
  const [loaded] = await loadAs(store, ociFiles([image]), "tar");
  assertEquals(loaded?.names, [`<none>@${image.descriptor.digest}`]);
  assertEquals(store.images.list().length, 1);
});

Deno.test("load: an archive that gives one name to two images is refused", async () => {
  await using store = openMemoryStore();
  const one = buildImage({ name: "example.org/a:1", layers: [[{ name: "1", content: "1" }]] });
  const two = buildImage({ name: "example.org/a:1", layers: [[{ name: "2", content: "2" }]] });
  const error = await assertRejects(() => loadAs(store, ociFiles([one, two]), "tar"), VarveError);
  assertEquals(error.code, "E_NAME_CLASH");
  assertEmpty(store);
});

Deno.test("load: an image without layers", async () => {
  await using store = openMemoryStore();
  const image = buildImage({ name: "example.org/scratch:1", layers: [] });
  const [loaded] = await loadAs(store, ociFiles([image]), "tar");
  assertEquals([loaded?.chainId, loaded?.layers], [null, []]);
});

Deno.test("load: an index is kept complete; a platform selects what is loaded", async () => {
  const amd = buildImage({ layers: [[{ name: "amd", content: "amd" }]] });
  const arm = buildImage({
    layers: [[{ name: "arm", content: "arm" }]],
    config: { architecture: "arm64" },
  });
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [
      { ...amd.descriptor, platform: { os: "linux", architecture: "amd64" } },
      { ...arm.descriptor, platform: { os: "linux", architecture: "arm64" } },
    ],
  });
  const both = new Map([...ociFiles([amd]), ...ociFiles([arm])]);
  const digest = (await import("../../support/images/images.ts")).sha256Of(index);
  both.set(`blobs/${digest.replace(":", "/")}`, index as Uint8Array<ArrayBuffer>);
  both.set(
    "index.json",
    jsonBytes({
      schemaVersion: 2,
      manifests: [{
        mediaType: "application/vnd.oci.image.index.v1+json",
        digest,
        size: index.length,
        annotations: { "io.containerd.image.name": "example.org/multi:1" },
      }],
    }),
  );
  {
    await using store = openMemoryStore();
    const [loaded] = await loadAs(store, both, "tar", {
      host: { os: "linux", architecture: "arm64" },
    });
    assertEquals([loaded?.manifest, loaded?.chainId as string], [digest as never, arm.chainId]);
    assertEquals(store.layers.list().length, 2);
  }
  {
    await using store = openMemoryStore();
    const platform = { os: "linux", architecture: "amd64" };
    const [loaded] = await loadAs(store, both, "tar", { platform });
    assertEquals([loaded?.manifest, loaded?.chainId as string], [digest as never, amd.chainId]);
    assertEquals(store.layers.list().length, 1);
    // What is here goes out again by itself, as it does to a registry; the whole index does not.
    const save = (options?: SaveOptions) => saveImages(store, ["example.org/multi:1"], options);
    const [named] = store.images.list();
    assertEquals(named?.platform, platform);
    // The name was given for this platform, and stays it. Without that it means the whole index.
    const [own, asked] = [await save(), await save({ platform })];
    assertEquals(await new Response(own).bytes(), await new Response(asked).bytes());
    store.images.set("example.org/whole:1", named!.target);
    const whole = () => saveImages(store, ["example.org/whole:1"]);
    assertEquals((await assertRejects(whole, VarveError)).code, "E_PRECONDITION");
    const other = { os: "linux", architecture: "arm64" };
    const error = await assertRejects(() => save({ platform: other }), VarveError);
    assertEquals(error.code, "E_PLATFORM");
    await using pool = createPool({ inline: true });
    await using second = openMemoryStore();
    const [again] = await loadImages(second, await save({ platform }), { pool });
    assertEquals(again?.names, ["example.org/multi:1"]);
    assertEquals(again?.manifest, amd.descriptor.digest);
  }
  {
    await using store = openMemoryStore();
    const platform = { os: "linux", architecture: "s390x" };
    const error = await assertRejects(() => loadAs(store, both, "tar", { platform }), VarveError);
    assertEquals(error.code, "E_PLATFORM");
    assertEmpty(store);
  }
});

Deno.test("load: an abort leaves nothing and throws the reason of the signal", async () => {
  await using store = openMemoryStore();
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    loadAs(store, ociFiles([sampleImage()]), "tar", { signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
  assertEmpty(store);
});

Deno.test("load: a file that is not an archive is refused with a clear message", async () => {
  await using store = openMemoryStore();
  await using temp = await tempDir();
  await using pool = createPool({ inline: true });
  const verdict = async (path: string) => {
    const error = await assertRejects(() => loadImages(store, path, { pool }), VarveError);
    return error.code;
  };
  await Deno.writeFile(temp.join("empty"), new Uint8Array());
  await Deno.writeFile(temp.join("noise"), new Uint8Array(4096).fill(7));
  await Deno.writeFile(temp.join("other.tar"), tarOf([{ name: "x", content: "y" }]));
  await Deno.writeFile(temp.join("old.tar"), tarOf([{ name: "repositories", content: "{}" }]));
  await Deno.writeFile(temp.join("xz"), new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]));
  assertEquals(await verdict(temp.join("absent")), "E_NOT_FOUND");
  assertEquals(await verdict(temp.join("empty")), "E_TRUNCATED");
  assertEquals(await verdict(temp.join("noise")), "E_HEADER");
  assertEquals(await verdict(temp.join("other.tar")), "E_FORMAT");
  assertEquals(await verdict(temp.join("old.tar")), "E_FORMAT");
  assertEquals(await verdict(temp.join("xz")), "E_COMPRESSION");
  assertEquals(await verdict(temp.path), "E_FORMAT");
  assertEmpty(store);
});
