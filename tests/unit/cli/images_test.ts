import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { commandOn } from "../../support/cli/in_process.ts";
import { flipByte } from "../../support/images/flip_byte.ts";
import {
  archiveTar,
  blobPath,
  describe,
  jsonBytes,
  ociFiles,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CHART = "application/vnd.cncf.helm.config.v1+json";

Deno.test("images: an artifact is not listed as damaged, a damaged image is", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  const [image, broken] = [
    sampleImage(),
    sampleImage({ name: "example.org/broken:1", config: { author: "x" } }),
  ];
  {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool({ inline: true });
    await loadImages(store, ReadableStream.from([archiveTar(ociFiles([image, broken]))]), { pool });
    await using ingest = await store.ingest();
    for (
      const [name, type, fields] of [
        ["example.org/chart:1", CHART, {}],
        ["example.org/note:1", "application/vnd.oci.empty.v1+json", { artifactType: "a/b" }],
      ] as const
    ) {
      // An artifact is listed even if its config is not in the store.
      const config = describe(type, jsonBytes({ name }));
      const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [], ...fields };
      ingest.image(name, await ingest.blob(jsonBytes(manifest), MANIFEST));
    }
    await ingest.commit();
  }
  await flipByte(`${root}/content/${blobPath(broken.imageId)}`);
  const varve = commandOn(root);
  const json = await varve(["images", "--format", "json"]);
  const rows: { name: string; kind: string; imageId: string | null }[] = JSON.parse(json.stdout);
  assertEquals(rows.map(({ name, kind, imageId }) => [name, kind, imageId]), [
    ["example.org/broken:1", "damaged", null],
    ["example.org/chart:1", "artifact", null],
    ["example.org/note:1", "artifact", null],
    ["example.org/sample:1", "image", image.imageId],
  ]);
  const { stdout, stderr } = await varve(["images"]);
  assertMatch(stdout, /chart:1 +artifact/);
  assertMatch(stdout, /broken:1 +damaged/);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "example.org/broken:1: Cannot verify blob");
});
