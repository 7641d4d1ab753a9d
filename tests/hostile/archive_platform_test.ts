import { assertEquals } from "@std/assert";
import { loadImages } from "../../lib/archive/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { archiveTar, blobPath, describe, jsonBytes, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";

Deno.test("F29: an index that names another platform than the config is one warning", async () => {
  const one = sampleImage();
  const warningsOf = async (...platforms: readonly Record<string, string>[]) => {
    const type = "application/vnd.oci.image.index.v1+json";
    const manifests = platforms.map((platform) => ({ ...one.descriptor, platform }));
    const nested = jsonBytes({ schemaVersion: 2, mediaType: type, manifests });
    const outer = describe(type, nested);
    const files = new Map(ociFiles([one]));
    files.set("index.json", jsonBytes({ schemaVersion: 2, manifests: [outer] }));
    files.set(blobPath(outer.digest), nested);
    const archive = archiveTar(files);
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const [loaded] = await loadImages(store, ReadableStream.from([archive]), { pool, onWarning });
    assertEquals(loaded?.chainId, one.chainId);
    return warnings;
  };
  const amd64 = { os: "linux", architecture: "amd64" };
  assertEquals(await warningsOf(amd64, { os: "Linux", architecture: "x86_64", variant: "v1" }), []);
  const arm64 = { os: "linux", architecture: "arm64" };
  assertEquals(await warningsOf(amd64, arm64, { ...arm64, variant: "v8" }), [
    `the index says that ${one.descriptor.digest} is for linux/arm64, but its config says linux/amd64, which is used`,
  ]);
});
