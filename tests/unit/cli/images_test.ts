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

Deno.test("images: patterns, filters, order, digests and IDs", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  const one = { name: "docker.io/library/debian:12", created: "2024-01-01T00:00:00Z" };
  const built = [
    sampleImage({ ...one, config: { created: one.created, config: { Labels: { team: "a" } } } }),
    sampleImage({
      name: "docker.io/library/debian:11",
      layers: [[{ name: "f", content: "x".repeat(50_000) }]],
      config: { created: "2023-01-01T00:00:00Z", config: { Labels: { team: "b" } } },
    }),
    sampleImage({ name: "example.org/x/app:1", config: { created: "2025-01-01T00:00:00Z" } }),
  ];
  {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool({ inline: true });
    await loadImages(store, ReadableStream.from([archiveTar(ociFiles(built))]), { pool });
    const record = store.images.get("example.org/x/app:1");
    store.images.set("example.org/x/app:2", record?.target as never);
  }
  const varve = commandOn(root);
  const names = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(["images", "--format", "{{.name}}", ...args]);
    assertEquals([code, stderr], [0, ""], `${args}`);
    return stdout.split("\n").slice(0, -1).map((name) => name.replace(/^.*\//, ""));
  };
  assertEquals(await names("debian"), ["debian:11", "debian:12"]);
  assertEquals(await names("debian:12"), ["debian:12"]);
  assertEquals(await names("docker.io/*"), ["debian:11", "debian:12"]);
  assertEquals(await names("*app*"), ["app:1", "app:2"]);
  assertEquals(await names("*:1?"), ["debian:11", "debian:12"]);
  assertEquals(await names("ebian"), []);
  assertEquals(await names("--filter", "label=team"), ["debian:11", "debian:12"]);
  assertEquals(await names("--filter", "label=team=a"), ["debian:12"]);
  assertEquals(await names("--filter", "label!=team", "--filter", "dangling=false"), [
    "app:1",
    "app:2",
  ]);
  assertEquals(await names("--filter", "until=2024-06-01", "debian"), ["debian:11", "debian:12"]);
  assertEquals(await names("--filter", "until=2023-06-01"), ["debian:11"]);
  assertEquals(await names("--filter", "dangling=true"), []);
  assertEquals(await names("-a", "-f", "reference=debian:1?"), ["debian:11", "debian:12"]);
  assertEquals(await names("-f", "reference=*:11", "-f", "reference=*app:2"), [
    "debian:11",
    "app:2",
  ]);
  assertEquals(await names("-f", "reference=debian", "-f", "label=team=a"), ["debian:12"]);
  assertEquals(await names("--sort", "created"), ["app:1", "app:2", "debian:12", "debian:11"]);
  assertEquals((await names("--sort", "size")).at(-1), "debian:11");
  // An image with two names has one ID.
  const ids = (await varve(["images", "-q", "--no-trunc", "*app*"])).stdout;
  assertEquals(ids, `${built[2]?.imageId}\n`);
  assertEquals(
    (await varve(["images", "-q", "*app*"])).stdout,
    `${built[2]?.imageId.slice(7, 19)}\n`,
  );
  const { stdout } = await varve(["images", "--digests", "--no-trunc", "debian:12"]);
  assertStringIncludes(stdout, built[0]?.descriptor.digest as string);
  assertStringIncludes(stdout, built[0]?.imageId as string);
  for (
    const wrong of [["--sort", "x"], ["--filter", "x=1"], ["--filter", "dangling=x"], ["[z-a]"]]
  ) {
    assertEquals((await varve(["images", ...wrong])).code, 2, `${wrong}`);
  }
  const both = JSON.parse(
    (await varve(["inspect", "debian:11", "debian:12", "--format", "json"])).stdout,
  );
  assertEquals(both.map(({ imageId }: { imageId: string }) => imageId), [
    built[1]?.imageId,
    built[0]?.imageId,
  ]);
  const history = (await varve(["history", "--no-trunc", "debian:12"])).stdout;
  assertStringIncludes(history, built[0]?.layers[0]?.diffId as string);
  const layers = (await varve(["layers", "--no-trunc", "debian:12"])).stdout;
  assertStringIncludes(layers, built[0]?.chainId as string);
});
