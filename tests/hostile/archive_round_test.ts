import { assert, assertEquals } from "@std/assert";
import { loadImages, saveImages } from "../../lib/archive/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { archiveTar, buildImage, dockerFiles, ociFiles } from "../support/images/images.ts";
import { concat, tarOf } from "../support/tar/tar_fixture.ts";

const NAME = "example.org/odd:1";

/** A tar that no writer of today makes: odd padding, a path twice, a name with dots, garbage behind its end. */
function oddTar(): Uint8Array<ArrayBuffer> {
  const tar = tarOf([
    { name: "./b/../a", content: "first", uname: "root", magic: "ustar  \0" },
    { name: "a", content: "second" },
    { name: "z/", pax: { comment: "nobody reads this" } },
  ]);
  return concat([tar, new Uint8Array(512 * 7), new Uint8Array(512).fill(0x2a)]);
}

async function saved(archive: Uint8Array<ArrayBuffer>) {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const [image] = await loadImages(store, ReadableStream.from([archive]), { pool });
  const bytes = await new Response(await saveImages(store, [NAME])).bytes();
  return { bytes, diffIds: image?.layers.map(({ diffId }) => diffId) };
}

Deno.test("G14 save, load and save again gives the same bytes, and an odd tar keeps its diffID", async () => {
  for (const packing of ["none", "gzip", "zstd"] as const) {
    const image = buildImage({ name: NAME, layers: [oddTar()], packing });
    for (const files of [ociFiles([image]), dockerFiles([image])]) {
      const first = await saved(archiveTar(files));
      assertEquals(first.diffIds as unknown, [image.layers[0]?.diffId]);
      const second = await saved(first.bytes);
      assertEquals(second.diffIds, first.diffIds);
      assert(first.bytes.length === second.bytes.length, packing);
      assert(first.bytes.every((byte, at) => byte === second.bytes[at]), packing);
    }
  }
});
