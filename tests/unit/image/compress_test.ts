import { assertEquals, assertNotEquals } from "@std/assert";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { loadImages, saveImages } from "../../../lib/archive/mod.ts";
import type { Digest } from "../../../lib/digest/mod.ts";
import { compressImage } from "../../../lib/image/mod.ts";
import { parseManifest } from "../../../lib/oci/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { findImage, openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import {
  archiveTar,
  buildImage,
  describe,
  jsonBytes,
  ociFiles,
} from "../../support/images/images.ts";
import { prng } from "../../support/prng.ts";

const NAME = "example.org/plain:1";

/** Two plain layers, one of several pieces, and one that is compressed already. */
const IMAGE = buildImage({
  name: NAME,
  layers: [
    [{ name: "small", content: "small" }],
    [{ name: "large", content: noise(3_500_000) }],
    [{ name: "packed", content: "packed" }],
  ],
  packing: ["none", "none", "gzip"],
});

/** Bytes that compress to about half. */
function noise(length: number): Uint8Array {
  const bytes = prng(7).bytes(length);
  for (let i = 0; i < length; i += 2) bytes[i] = 0;
  return bytes;
}

async function withImage(store: Store): Promise<void> {
  await using pool = createPool({ inline: true });
  await loadImages(store, ReadableStream.from([archiveTar(ociFiles([IMAGE]))]), { pool });
}

async function layersOf(store: Store, digest: Digest) {
  return parseManifest(await store.blobs.read(digest)).layers;
}

for (const format of ["gzip", "zstd"] as const) {
  Deno.test(`compress to ${format}: the same manifest with any number of workers`, async () => {
    const manifests = new Set<string>();
    for (const workers of [0, 1, 3]) {
      await using store = openMemoryStore();
      await withImage(store);
      await using pool = createPool(workers === 0 ? { inline: true } : { workers });
      const record = await findImage(store, NAME);
      const { target, name } = await compressImage(store, record, { pool, format });
      assertEquals(name, record.name);
      assertNotEquals(target.digest, record.target.digest);
      manifests.add(target.digest);
      const layers = await layersOf(store, target.digest);
      assertEquals(layers.map(({ mediaType }) => mediaType.split("+")[1]), [
        format,
        format,
        "gzip",
      ]);
      assertEquals(layers[2]?.digest as string, IMAGE.layers[2]?.descriptor.digest);
      for (const [i, layer] of layers.slice(0, 2).entries()) {
        const blob = await store.blobs.read(layer.digest);
        const plain = format === "gzip" ? gunzipSync(blob) : zstdDecompressSync(blob);
        assertEquals(new Uint8Array(plain), IMAGE.layers[i]?.tar);
      }
    }
    assertEquals(manifests.size, 1);
  });

  Deno.test(`save --compression ${format}: loads elsewhere as the same layers`, async () => {
    await using store = openMemoryStore();
    await withImage(store);
    await using pool = createPool({ inline: true });
    const told: string[] = [];
    const stream = await saveImages(store, [NAME], {
      compression: { pool, format },
      onManifest: ({ target }) => told.push(target.digest),
    });
    await using other = openMemoryStore();
    const [loaded] = await loadImages(other, stream, { pool, inflater: "zlib" });
    assertEquals([loaded?.manifest as string], told);
    assertEquals(loaded?.imageId as string, IMAGE.imageId);
    assertEquals(loaded?.chainId as string, IMAGE.chainId);
  });
}

Deno.test("save --compression: a name with a digest is left out when the digest changes", async () => {
  await using store = openMemoryStore();
  await withImage(store);
  const { target } = await findImage(store, NAME);
  const name = `example.org/plain@${target.digest}`;
  store.images.set(name, target);
  await using pool = createPool({ inline: true });
  for (const compression of [undefined, { pool, format: "gzip" as const }]) {
    const tar = await saveImages(store, [name], compression && { compression });
    await using other = openMemoryStore();
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    const [loaded] = await loadImages(other, tar, { pool, onWarning, inflater: "zlib" });
    assertEquals(loaded?.names, [compression ? `<none>@${loaded?.manifest}` : name]);
    assertEquals(warnings, []);
  }
});

Deno.test("compress: an image of compressed layers stays as it is", async () => {
  await using store = openMemoryStore();
  const image = buildImage({ name: NAME, layers: [[{ name: "a", content: "a" }]] });
  await using pool = createPool({ inline: true });
  await loadImages(store, ReadableStream.from([archiveTar(ociFiles([image]))]), { pool });
  const record = await findImage(store, NAME);
  assertEquals(await compressImage(store, record, { pool, format: "zstd" }), record);
});

Deno.test("compress: the manifest keeps everything except the layers", async () => {
  const more = { subject: IMAGE.descriptor, annotations: { note: "kept" } };
  const fields = JSON.parse(new TextDecoder().decode(IMAGE.manifest));
  const manifest = jsonBytes({ ...fields, ...more });
  const descriptor = describe(IMAGE.descriptor.mediaType, manifest);
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const archive = archiveTar(ociFiles([{ ...IMAGE, manifest, descriptor }]));
  await loadImages(store, ReadableStream.from([archive]), { pool });
  const record = await findImage(store, NAME);
  const { target } = await compressImage(store, record, { pool, format: "gzip" });
  const after = JSON.parse(new TextDecoder().decode(await store.blobs.read(target.digest)));
  assertNotEquals(after.layers, fields.layers);
  assertEquals({ ...after, layers: [] }, { ...fields, ...more, layers: [] });
});
