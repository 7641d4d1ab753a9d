/** The cases of "Push" for manifests. */
import { assert, assertEquals } from "@std/assert";
import { jsonBytes, sha256Of } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import {
  BLOB,
  type Cases,
  codeOf,
  CONFIG,
  DOCKER_LIST,
  INDEX,
  jsonOf,
  MANIFEST,
  NAME,
  NOTHING,
  pushSample,
  textBytes,
} from "./registry_api.ts";

/** Pushes of manifests under a tag or a digest. */
export const MANIFESTS: Cases = {
  async "push: a manifest by tag, and by digest"(api) {
    const { image, reply } = await pushSample(api);
    const { digest } = image.descriptor;
    assertEquals(reply.headers.get("docker-content-digest"), digest);
    const got = await api.send("GET", api.location(reply), { headers: { accept: MANIFEST } });
    assertEquals(got.bytes, image.manifest);
    assertEquals((await api.put(NAME, digest, image.manifest)).status, 201);
    const wrong = await api.put(NAME, NOTHING, image.manifest);
    assertEquals([wrong.status, codeOf(wrong)], [400, "DIGEST_INVALID"]);
  },

  async "push: a manifest with missing parts is refused, and the error names each part"(api) {
    const { manifest, imageId, layers } = sampleImage();
    const reply = await api.put(NAME, "1", manifest);
    assert(reply.status === 404 || reply.status === 400, String(reply.status));
    const errors: { code: string; detail: { digest: string } | string }[] =
      jsonOf(reply.bytes).errors;
    assertEquals([...new Set(errors.map(({ code }) => code))], ["MANIFEST_BLOB_UNKNOWN"]);
    const named = JSON.stringify(errors);
    for (const digest of [imageId, ...layers.map(({ descriptor }) => descriptor.digest)]) {
      assert(named.includes(digest), digest);
    }
    assertEquals((await api.send("GET", `/v2/${NAME}/manifests/1`)).status, 404);
  },

  async "push: bytes that are no manifest are refused"(api) {
    const reply = await api.put(NAME, "1", textBytes("blablabla"));
    assertEquals([reply.status, codeOf(reply)], [400, "MANIFEST_INVALID"]);
  },

  async "push: a manifest of 4 MiB"(api) {
    const config = await api.pushBlob(NAME, textBytes("{}"), CONFIG);
    const manifest = (note: string) =>
      jsonBytes({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config,
        layers: [],
        annotations: { "org.example.note": note },
      });
    const bytes = manifest("n".repeat(4 * 1024 ** 2 - manifest("").length));
    assertEquals((await api.put(NAME, "large", bytes)).status, 201);
    const accept = { headers: { accept: MANIFEST } };
    const got = await api.send("GET", `/v2/${NAME}/manifests/large`, accept);
    assertEquals([got.status, sha256Of(got.bytes)], [200, sha256Of(bytes)]);
  },

  async "push: a manifest of another type than its Content-Type is refused"(api) {
    const { image } = await pushSample(api);
    const reply = await api.put(NAME, "2", image.manifest, INDEX);
    assertEquals([reply.status, codeOf(reply)], [400, "MANIFEST_INVALID"]);
  },

  async "push: Docker's manifest and list are pulled unchanged"(api) {
    const image = sampleImage({ docker: true, packing: "gzip" });
    for (const { blob } of image.layers) await api.pushBlob(NAME, blob);
    await api.pushBlob(NAME, image.config);
    const list = jsonBytes({
      schemaVersion: 2,
      mediaType: DOCKER_LIST,
      manifests: [{ ...image.descriptor, platform: { architecture: "amd64", os: "linux" } }],
    });
    for (
      const [tag, type, bytes] of [
        ["one", image.descriptor.mediaType, image.manifest],
        ["list", DOCKER_LIST, list],
      ] as const
    ) {
      assertEquals((await api.put(NAME, tag, bytes, type)).status, 201, tag);
      const accept = { headers: { accept: type } };
      const got = await api.send("GET", `/v2/${NAME}/manifests/${tag}`, accept);
      assertEquals([got.headers.get("content-type"), got.bytes], [type, bytes]);
    }
  },

  async "push: a manifest without layers"(api) {
    const config = textBytes(
      '{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}',
    );
    const manifest = jsonBytes({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await api.pushBlob(NAME, config, CONFIG),
      layers: [],
    });
    assertEquals((await api.put(NAME, "empty", manifest)).status, 201);
    const got = await api.send("GET", `/v2/${NAME}/manifests/empty`, {
      headers: { accept: MANIFEST },
    });
    assertEquals(got.bytes, manifest);
  },

  async "push: the manifests of an index stay reachable"(api) {
    const { image } = await pushSample(api);
    const index = jsonBytes({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...image.descriptor, platform: { architecture: "amd64", os: "linux" } }],
    });
    assertEquals((await api.put(NAME, "all", index, INDEX)).status, 201);
    const get = (reference: string, accept: string) =>
      api.send("GET", `/v2/${NAME}/manifests/${reference}`, { headers: { accept } });
    const got = await get("all", INDEX);
    assertEquals([got.headers.get("content-type"), got.bytes], [INDEX, index]);
    assertEquals((await get(image.descriptor.digest, MANIFEST)).bytes, image.manifest);
    const sparse = jsonBytes({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...image.descriptor, digest: NOTHING }],
    });
    const refused = await api.put(NAME, "sparse", sparse, INDEX);
    assertEquals(codeOf(refused), "MANIFEST_BLOB_UNKNOWN");
  },

  async "push: a tag that moves leaves the former manifest under its digest"(api) {
    const { image } = await pushSample(api);
    const { bytes } = await api.pushArtifact(NAME, "1", { artifactType: "text/x-note" });
    const get = (reference: string) =>
      api.send("GET", `/v2/${NAME}/manifests/${reference}`, { headers: { accept: MANIFEST } });
    assertEquals((await get("1")).bytes, bytes);
    assertEquals((await get(image.descriptor.digest)).bytes, image.manifest);
  },

  async "push: artifacts of any type are pulled unchanged"(api) {
    const layer = await api.pushBlob(NAME, BLOB, "text/plain");
    const { bytes, digest } = await api.pushArtifact(NAME, "note", {
      artifactType: "text/x-note",
      layers: [layer],
      annotations: { "org.example.note": "yes" },
    });
    const got = await api.send("GET", `/v2/${NAME}/manifests/${digest}`, {
      headers: { accept: MANIFEST },
    });
    assertEquals([got.status, got.bytes], [200, bytes]);
    assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${layer.digest}`)).bytes, BLOB);
  },

  async "push: the answer names the subject of a manifest, whether the subject exists or not"(api) {
    const { image } = await pushSample(api);
    for (const subject of [image.descriptor, { ...image.descriptor, digest: NOTHING }]) {
      const { reply } = await api.pushArtifact(NAME, undefined, { artifactType: "a/b", subject });
      assertEquals(reply.headers.get("oci-subject"), subject.digest);
    }
  },
};
