/** Bytes of a store that changed under it: what notices them, and that a load makes them whole. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { loadImages, saveImages } from "../../../lib/archive/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { exportImage } from "../../../lib/image/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openStore, type Store } from "../../../lib/store/mod.ts";
import { flipByte } from "../../support/images/flip_byte.ts";
import { archiveTar, blobPath, buildImage, ociFiles } from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const IMAGE = buildImage({
  name: "example.org/heal:1",
  layers: ["a", "b", "c"].map((name) => [{ name, content: name.repeat(100_000) }]),
  packing: ["gzip", "zstd", "none"],
});
const NAME = IMAGE.name as string;
const ARCHIVE = archiveTar(ociFiles([IMAGE]));

async function bytesOf(stream: Promise<ReadableStream<Uint8Array>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response((await stream) as BodyInit).arrayBuffer());
}

const READERS: Readonly<Record<string, (store: Store) => Promise<Uint8Array>>> = {
  export: (store) => bytesOf(exportImage(store, NAME)),
  save: (store) => bytesOf(saveImages(store, [NAME])),
};

for (const [at, packing] of ["gzip", "zstd", "none"].entries()) {
  const layer = IMAGE.layers[at]!;
  for (const read of packing === "none" ? ["export", "save"] : ["save"]) {
    Deno.test(`a blob (${packing}) that ${read} finds damaged is made whole by a load`, async () => {
      await heals(read, (root) => `${root}/content/${blobPath(layer.descriptor.digest)}`);
    });
  }
  Deno.test(`a tar (of ${packing}) that export finds damaged is made whole by a load`, async () => {
    await heals("export", (root, store) => {
      const row = store.layers.list().find(({ diffId }) => diffId === layer.diffId);
      return `${root}/layers/${row?.cacheId}/layer.tar`;
    });
  });
}

/** Damages a file, has it noticed, and loads the image again: from a file, and from a stream. */
async function heals(
  reader: string,
  pathOf: (root: string, store: Store) => string,
): Promise<void> {
  await using temp = await tempDir();
  const root = temp.join("store");
  await using store = await openStore({ root, durability: "none" });
  await using pool = createPool({ workers: 1 });
  const archive = temp.join("image.tar");
  await Deno.writeFile(archive, ARCHIVE);
  await loadImages(store, archive, { pool });
  const read = READERS[reader]!;
  const right = await read(store);
  for (const source of [archive, () => ReadableStream.from([ARCHIVE])]) {
    await flipByte(pathOf(root, store));
    const { code } = await assertRejects(() => read(store), VarveError);
    assertEquals(code, "E_DIGEST");
    await loadImages(store, typeof source === "string" ? source : source(), { pool });
    assertEquals(await read(store), right);
    for (const { digest, verifiedAt } of store.blobs.list()) {
      assertNotEquals([digest, verifiedAt], [digest, 0]);
    }
    for (const { diffId, verifiedAt } of store.layers.list()) {
      assertNotEquals([diffId, verifiedAt], [diffId, 0]);
    }
  }
}
