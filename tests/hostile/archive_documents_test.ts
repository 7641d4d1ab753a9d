/** Documents that many images of an archive name, so that each is read many times. */
import { assertEquals } from "@std/assert";
import { loadImages } from "../../lib/archive/mod.ts";
import type { VarveError } from "../../lib/errors.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  blobPath,
  describe,
  jsonBytes,
} from "../support/images/images.ts";

/** A config of 4 MiB. */
const config = jsonBytes({
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
  config: { Labels: { a: "" } },
  comment: "x".repeat(4 * 1024 * 1024 - 200),
});

async function verdict(files: ArchiveFiles): Promise<string> {
  await using store = openMemoryStore();
  const source = ReadableStream.from([archiveTar(files)]);
  return await loadImages(store, source).then(
    (images) => `${images.length} images`,
    (error: VarveError) => error.code,
  );
}

Deno.test("archive: the configs of a docker-archive have a limit together, however often one is named", async () => {
  const at = (count: number) => {
    const images = Array.from({ length: count }, (_, i) => {
      return { Config: "c.json", RepoTags: [`x.org/a${i}:1`], Layers: [] };
    });
    return verdict(new Map([["c.json", config], ["manifest.json", jsonBytes(images)]]));
  };
  assertEquals([await at(16), await at(17)], ["16 images", "E_LIMIT"]);
});

Deno.test("archive: the documents of an OCI layout have a limit together, however often one is named", async () => {
  const at = (count: number) => {
    const files = new Map<string, Uint8Array<ArrayBuffer>>([[
      "oci-layout",
      jsonBytes({ imageLayoutVersion: "1.0.0" }),
    ]]);
    const add = (mediaType: string, bytes: Uint8Array<ArrayBuffer>) => {
      const descriptor = describe(mediaType, bytes);
      files.set(blobPath(descriptor.digest), bytes);
      return descriptor;
    };
    const of = add("application/vnd.oci.image.config.v1+json", config);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifests = Array.from({ length: count }, (_, i) => {
      const annotations = { n: `${i}` };
      return add(
        mediaType,
        jsonBytes({ schemaVersion: 2, mediaType, config: of, layers: [], annotations }),
      );
    });
    return verdict(files.set("index.json", jsonBytes({ schemaVersion: 2, manifests })));
  };
  assertEquals([await at(100), await at(130)], ["100 images", "E_LIMIT"]);
});
