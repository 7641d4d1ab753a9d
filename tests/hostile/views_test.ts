/** Lists of hostile length: printed in linear time, and bounded where an image makes them. */
import { assertEquals, assertRejects } from "@std/assert";
import { loadImages } from "../../lib/archive/mod.ts";
import { table } from "../../lib/cli/display/table.ts";
import { exitCode, VarveError } from "../../lib/errors.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { findImage, openMemoryStore, type Store } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import {
  archiveTar,
  buildImage,
  type BuiltImage,
  dockerFiles,
  jsonBytes,
  ociFiles,
} from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("K03: a table of 150,000 rows is printed", () => {
  const rows = Array.from({ length: 150_000 }, (_, i) => [`row ${i}`, i, "日本"] as const);
  const lines = table(["NAME", "COUNT", "TEXT"], rows, undefined).split("\n");
  assertEquals(lines.length, 150_002);
  assertEquals(lines[0], "NAME         COUNT  TEXT");
  assertEquals(lines[1], "row 0            0  日本");
  assertEquals(lines[150_000], "row 149999  149999  日本");
});

Deno.test("K03: history of 20,000 entries, and images of 1,000 names", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  const history = Array.from({ length: 20_000 }, (_, i) => ({
    created_by: `step ${i}`,
    empty_layer: true,
  }));
  const image = buildImage({ name: "example.org/app:1", layers: [], config: { history } });
  await Deno.writeFile(temp.join("a.tar"), archiveTar(namedOften(image, 1000)));
  await cli.text(["load", temp.join("a.tar")]);
  const shown = (await cli.text(["history", "example.org/app:0"])).split("\n");
  assertEquals(shown.length, 20_002);
  assertEquals(shown[1]?.replaceAll(/ +/g, " "), "<none> 0 B step 19999");
  assertEquals((await cli.json(["images"])).length, 1000);
  assertEquals((await cli.text(["images"])).split("\n").length, 1002);
});

Deno.test("K03: an image is read once to be found by its ID, however many names it has", async () => {
  await using store = openMemoryStore();
  const image = buildImage({ name: "example.org/app:1", layers: [] });
  await load(store, namedOften(image, 300));
  let reads = 0;
  const { blobs } = store;
  const read = blobs.read.bind(blobs);
  blobs.read = (digest, maxBytes) => {
    reads++;
    return read(digest, maxBytes);
  };
  await findImage(store, image.imageId.slice(7, 27));
  assertEquals(reads, 2);
});

Deno.test("K03: the names of one archive are limited", async () => {
  const image = buildImage({ name: "example.org/app:1", layers: [] });
  for (const filesOf of [namedOften, namedByIndex]) {
    for (const [count, expected] of [[2, "OK"], [3, "OK"], [4, "E_LIMIT"]] as const) {
      await using store = openMemoryStore();
      const act = () => load(store, filesOf(image, count), { names: 3 });
      if (expected === "OK") {
        await act();
        assertEquals(store.images.list().length, count);
        continue;
      }
      const error = await assertRejects(act, VarveError);
      assertEquals([error.code, error.details.setting, exitCode(error)], [
        expected,
        "limits.oci.names",
        8,
      ]);
      assertEquals(store.images.list(), []);
    }
  }
  await using store = openMemoryStore();
  await assertRejects(() => load(store, namedOften(image, 1001)), VarveError);
});

async function load(
  store: Store,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ociLimits: { readonly names?: number } = {},
): Promise<void> {
  await using pool = createPool({ inline: true });
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("a.tar"), archiveTar(files));
  await loadImages(store, temp.join("a.tar"), { pool, ociLimits });
}

/** A docker-archive that gives one image many names. */
function namedOften(image: BuiltImage, count: number): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map(dockerFiles([image]));
  const text = new TextDecoder().decode(files.get("manifest.json"));
  const [only] = JSON.parse(text);
  const RepoTags = Array.from({ length: count }, (_, i) => `example.org/app:${i}`);
  return files.set("manifest.json", jsonBytes([{ ...only, RepoTags }]));
}

/** An OCI layout that gives one image many names. */
function namedByIndex(image: BuiltImage, count: number): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map(ociFiles([image]));
  const manifests = Array.from({ length: count }, (_, i) => ({
    ...image.descriptor,
    annotations: { "io.containerd.image.name": `example.org/app:${i}` },
  }));
  return files.set("index.json", jsonBytes({ schemaVersion: 2, manifests }));
}
