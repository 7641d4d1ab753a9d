/** Other programs read `content/` of a store in place, as an OCI layout. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type DiffId, sha256 } from "../../lib/digest/mod.ts";
import { encodeManifest, MEDIA_TYPES } from "../../lib/oci/mod.ts";
import { openStore, type Store } from "../../lib/store/mod.ts";
import { bringLayer, type SampleLayer, sampleLayer } from "../conformance/store_layers.ts";
import { run } from "../support/machine/process.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { gzipSync } from "node:zlib";

const NAMES = ["docker.io/library/debian:latest", "localhost:5000/a/b:1.2"];

/** A layer with one file, as a plain tar or as gzip. */
function oneFile(seed: number, name: string, text: string, gzip: boolean): SampleLayer {
  const body = new TextEncoder().encode(text);
  const tar = new Uint8Array(512 * 4);
  const put = (offset: number, value: string) => tar.set(new TextEncoder().encode(value), offset);
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, body.length.toString(8).padStart(11, "0") + "\0");
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\0" + "00");
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  tar.set(body, 512);
  const blob = gzip ? new Uint8Array(gzipSync(tar)) : null;
  const diffId = sha256(tar) as DiffId;
  const digest = blob === null ? diffId : sha256(blob);
  const mediaType = gzip ? MEDIA_TYPES.layerGzip : MEDIA_TYPES.layer;
  return { ...sampleLayer(seed), tar, blob, diffId, digest, mediaType, key: { digest, diffId } };
}

async function withImage(store: Store): Promise<void> {
  const layers = [oneFile(1, "lower", "below\n", true), oneFile(2, "upper", "above\n", false)];
  await using ingest = await store.ingest();
  for (const layer of layers) await bringLayer(ingest, layer);
  const config = await ingest.blob(
    new TextEncoder().encode(JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    })),
    MEDIA_TYPES.config,
  );
  const manifest = encodeManifest({
    config,
    layers: layers.map(({ digest, mediaType, blob, tar }) => ({
      mediaType,
      digest,
      size: (blob ?? tar).length,
    })),
  });
  const target = await ingest.blob(manifest, MEDIA_TYPES.manifest);
  for (const name of NAMES) ingest.image(name, target);
  ingest.image(null, target);
  ingest.chain(layers.map((layer) => layer.diffId));
  await ingest.commit();
}

Deno.test({
  name: "skopeo reads the content of a store in place, by full name",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    await withImage(store);
    for (const name of NAMES) {
      const source = `oci:${temp.join("store")}/content:${name}`;
      const { stdout } = await run(["skopeo", "inspect", "--raw", source]);
      assertEquals(sha256(new TextEncoder().encode(stdout)), store.images.get(name)?.target.digest);
    }
    await run([
      "skopeo",
      "--insecure-policy",
      "copy",
      `oci:${temp.join("store")}/content:${NAMES[0]}`,
      `dir:${temp.join("out")}`,
    ]);
    const digest = store.images.get(NAMES[0] as string)?.target.digest as string;
    const copied = await Deno.readFile(temp.join("out", "manifest.json"));
    assertEquals(sha256(copied) as string, digest);
    store.images.remove(NAMES[0] as string);
    const index = await Deno.readTextFile(temp.join("store", "content", "index.json"));
    assertEquals(index.includes(NAMES[0] as string), false);
    assertStringIncludes(index, NAMES[1] as string);
  },
});

Deno.test({
  name: "umoci unpacks from the content of a store in place",
  ...needs({ root: true, tools: ["umoci"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    await withImage(store);
    const image = `${temp.join("store")}/content:${NAMES[1]}`;
    await run(["umoci", "unpack", "--image", image, temp.join("bundle")]);
    const rootfs = temp.join("bundle", "rootfs");
    assertEquals(await Deno.readTextFile(`${rootfs}/lower`), "below\n");
    assertEquals(await Deno.readTextFile(`${rootfs}/upper`), "above\n");
  },
});
