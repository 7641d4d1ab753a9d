import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { loadImages } from "../../../lib/archive/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore, openStore, type Store } from "../../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  blobPath,
  describe,
  jsonBytes,
  ociFiles,
  writeArchive,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const image = sampleImage();

/** An archive with an index of the sample image and an artifact of these blobs. */
function withAttachment(blobs: readonly Uint8Array<ArrayBuffer>[]): ArchiveFiles {
  const empty = jsonBytes({});
  const artifact = jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/vnd.example.thing",
    config: describe("application/vnd.oci.empty.v1+json", empty),
    layers: blobs.map((blob) => describe("application/vnd.example.part", blob)),
  });
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [
      { ...image.descriptor, platform: { os: "linux", architecture: "amd64" } },
      {
        ...describe("application/vnd.oci.image.manifest.v1+json", artifact),
        artifactType: "application/vnd.example.thing",
      },
    ],
  });
  const files = new Map(ociFiles([image]));
  for (const bytes of [empty, artifact, index, ...blobs]) {
    files.set(blobPath(describe("", bytes).digest), bytes);
  }
  const annotations = { "io.containerd.image.name": "example.org/attached:1" };
  const manifests = [{ ...describe(INDEX, index), annotations }];
  return files.set("index.json", jsonBytes({ schemaVersion: 2, manifests }));
}

const tar = tarOf([{ name: "chart.yaml", content: "name: x" }]);
const noise = prng(7).bytes(400_000) as Uint8Array<ArrayBuffer>;
const bytes = (buffer: Uint8Array) => new Uint8Array(buffer);

const ATTACHMENTS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a tar": tar,
  "a tar in gzip": bytes(gzipSync(tar)),
  "a tar in zstd": bytes(zstdCompressSync(tar)),
  "a text in gzip": bytes(gzipSync("{}".padEnd(3000))),
  "a text in zstd": bytes(zstdCompressSync("{}".padEnd(300_000))),
  "noise in gzip": bytes(gzipSync(noise)),
  "noise in zstd": bytes(zstdCompressSync(noise)),
  "noise": noise,
};

async function* pieces(whole: Uint8Array<ArrayBuffer>, size: number) {
  for (let at = 0; at < whole.length; at += size) {
    yield await Promise.resolve(whole.slice(at, at + size));
  }
}

/** What a store holds, whatever it was loaded from. */
function held(store: Store): unknown {
  return {
    images: store.images.list().map(({ name, target }) => [name, target]),
    layers: store.layers.list().map(({ diffId, size }) => [diffId, size]),
    blobs: store.blobs.list().map(({ verifiedAt: _, ...rest }) => rest),
  };
}

Deno.test("load: an attachment is kept byte for byte, for any content and any form of archive", async () => {
  await using temp = await tempDir();
  await using pool = createPool({ inline: true });
  const files = withAttachment(Object.values(ATTACHMENTS));
  await Deno.mkdir(temp.join("layout"));
  await writeArchive(temp.join("layout"), files);
  const whole = archiveTar(files);
  await Deno.writeFile(temp.join("image.tar"), whole);

  await using expected = openMemoryStore();
  await loadImages(expected, temp.join("layout"), { pool });
  for (const [title, blob] of Object.entries(ATTACHMENTS)) {
    assertEquals(expected.blobs.stat(describe("", blob).digest as never)?.size, blob.length, title);
  }
  assertEquals(expected.layers.list().length, image.layers.length);

  const sources = {
    "a file": temp.join("image.tar"),
    "a stream": ReadableStream.from(pieces(whole, 64 * 1024)),
    "a stream in odd pieces": ReadableStream.from(pieces(whole, 333)),
  };
  for (const [title, source] of Object.entries(sources)) {
    await using memory = openMemoryStore();
    await loadImages(memory, source, { pool });
    assertEquals(held(memory), held(expected), title);
  }
  await using disk = await openStore({ root: temp.join("root"), durability: "none" });
  await loadImages(disk, ReadableStream.from(pieces(whole, 10_000)), { pool });
  assertEquals(held(disk), held(expected), "a stream into a disk store");
});

Deno.test("load: in a stream, a tar of an attachment that is not a valid layer is recognized", async () => {
  await using pool = createPool({ inline: true });
  await using store = openMemoryStore();
  const hostile = tarOf([{ name: "../outside", content: "x" }]);
  const source = ReadableStream.from(pieces(archiveTar(withAttachment([hostile])), 10_000));
  const error = await assertRejects(() => loadImages(store, source, { pool }), VarveError);
  assertEquals(error.code, "E_FORMAT");
  assertEquals((error.cause as VarveError).code, "E_PATH_ESCAPE");
  assertEquals(held(store), { images: [], layers: [], blobs: [] });
});

Deno.test("load: a part that attachments name many times is read once", async () => {
  await using temp = await tempDir();
  const files = withAttachment(Array.from(Array(20), () => noise));
  await writeArchive(temp.path, files);
  const part = blobPath(describe("", noise).digest);
  let opened = 0;
  const { open } = Deno;
  Deno.open = (path, options) => {
    if (String(path).endsWith(part)) opened++;
    return open(path, options);
  };
  try {
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    await loadImages(store, temp.path, { pool });
    assertEquals(store.blobs.stat(describe("", noise).digest as never)?.size, noise.length);
  } finally {
    Deno.open = open;
  }
  assertEquals(opened, 1);
});
