/** What pushes and deletions at varve's registry do to the store behind it. */
import { assertEquals, assertRejects } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import type { RegistryRequest } from "../../../lib/registry_server/http.ts";
import { serveRegistry } from "../../../lib/registry_server/mod.ts";
import { Registry } from "../../../lib/registry_server/registry.ts";
import { openStore, type Store } from "../../../lib/store/mod.ts";
import { collectGarbage } from "../../../lib/upkeep/mod.ts";
import {
  Api,
  BLOB,
  BLOB_DIGEST,
  codeOf,
  INDEX,
  jsonOf,
  MANIFEST,
  NAME,
  pushSample,
} from "../../conformance/registry_api.ts";
import { flipByte } from "../../support/images/flip_byte.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  jsonBytes,
  ociFiles,
  sha256Of,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";

/** A registry over an empty store on the disk. */
async function served(): Promise<{ api: Api; store: Store; root: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await tempDir()).path;
  const store = stack.use(await openStore({ root, durability: "none" }));
  const server = stack.use(await serveRegistry(store));
  const all = stack.move();
  const dispose = () => all.disposeAsync();
  return { api: new Api(server.url), store, root, [Symbol.asyncDispose]: dispose };
}

/** The generation of the image names in the store's OCI layout: each change adds one. */
function shownNames(root: string): number {
  const index = jsonOf(Deno.readFileSync(`${root}/content/index.json`));
  return Number(index.annotations["varve.generation"]);
}

Deno.test("served: a manifest with many tags is deleted in one change, and so are the names that an index replaces", async () => {
  await using own = await served();
  const { api, store, root } = own;
  const { image } = await pushSample(api);
  const target = store.images.list()[0]!.target;
  for (let at = 0; at < 50; at++) store.images.set(`docker.io/${NAME}:tag-${at}`, target);
  const before = shownNames(root);
  const path = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
  assertEquals((await api.send("DELETE", path)).status, 202);
  assertEquals([store.images.list(), shownNames(root)], [[], before + 1]);
  const children: unknown[] = [];
  for (let at = 0; at < 10; at++) {
    const { bytes, digest } = await api.pushArtifact(NAME, undefined, { artifactType: `a/${at}` });
    children.push({ mediaType: MANIFEST, digest, size: bytes.length });
  }
  const apart = shownNames(root);
  const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: children });
  assertEquals((await api.put(NAME, "all", index, INDEX)).status, 201);
  assertEquals(store.images.list().map(({ name }) => name), [`docker.io/${NAME}:all`]);
  // One change adds the index, one removes the names of its manifests.
  assertEquals(shownNames(root), apart + 2);
});

Deno.test("served: no push gives an image a name that reads as a digest", async () => {
  await using own = await served();
  const { api, store } = own;
  const { image } = await pushSample(api);
  const hex = image.descriptor.digest.slice(7);
  const before = store.images.list();
  for (const [name, tag] of [["sha256", "1"], ["team/sha256", hex], [hex, "1"]] as const) {
    const reply = await api.put(name, tag, image.manifest);
    assertEquals([reply.status, codeOf(reply)], [400, "NAME_INVALID"], name);
  }
  assertEquals(store.images.list(), before);
});

Deno.test("served: a name with a digest that a user made stays, whatever is pushed", async () => {
  await using own = await served();
  const { api, store } = own;
  const { image } = await pushSample(api);
  const { digest } = image.descriptor;
  const target = store.images.list()[0]!.target;
  const names = () => store.images.list().map(({ name }) => name);
  const pulled = `docker.io/${NAME}@${digest}`;
  const tag = `docker.io/${NAME}:1`;
  store.images.set(pulled, target);
  const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: [image.descriptor] });
  // Pushed by tag, as a manifest of an index, and by the digest itself.
  assertEquals((await api.put(NAME, "1", image.manifest)).status, 201);
  assertEquals((await api.put(NAME, "all", index, INDEX)).status, 201);
  assertEquals((await api.put(NAME, digest, image.manifest)).status, 201);
  assertEquals(names(), [tag, `docker.io/${NAME}:all`, pulled]);
  store.images.removeAll([tag, `docker.io/${NAME}:all`]);
  // Also when the tag moves away, and the registry would make a name of its own.
  assertEquals((await api.put(NAME, "1", image.manifest)).status, 201);
  await api.pushArtifact(NAME, "1", { artifactType: "a/b" });
  assertEquals((await api.put(NAME, "2", image.manifest)).status, 201);
  assertEquals(names(), [tag, `docker.io/${NAME}:2`, pulled]);
});

Deno.test("served: a name with a digest that the registry made goes when a tag keeps the manifest", async () => {
  await using own = await served();
  const { api, store } = own;
  const { image } = await pushSample(api);
  const { digest } = image.descriptor;
  assertEquals((await api.send("DELETE", `/v2/${NAME}/manifests/1`)).status, 202);
  const kept = `docker.io/${NAME}@${digest}`;
  assertEquals(store.images.list().map(({ name, spare }) => [name, spare]), [[kept, true]]);
  assertEquals((await api.put(NAME, "1", image.manifest)).status, 201);
  assertEquals(store.images.list().map(({ name }) => name), [`docker.io/${NAME}:1`]);
});

for (const packing of ["gzip", "zstd", "none"] as const) {
  Deno.test(`served: a damaged blob (${packing}) is cut short, then missing, and can be pushed again`, async () => {
    await using own = await served();
    const { api, root } = own;
    // Several pieces: the headers and the first piece are sent before the digest is checked.
    const content = prng(7).bytes(2 ** 20);
    const image = buildImage({ layers: [[{ name: "a", content }]], packing });
    const { blob, descriptor } = image.layers[0]!;
    for (const bytes of [blob, image.config]) await api.pushBlob(NAME, bytes);
    assertEquals((await api.put(NAME, "1", image.manifest)).status, 201);
    const path = `/v2/${NAME}/blobs/${descriptor.digest}`;
    await flipByte(`${root}/content/${blobPath(descriptor.digest)}`);
    const whole = { headers: { range: "bytes=0-" } };
    await assertRejects(() => api.send("GET", path, whole), TypeError);
    assertEquals((await api.send("HEAD", path)).status, 404);
    assertEquals((await api.send("GET", path)).status, 404);
    const reply = await api.put(NAME, "2", image.manifest);
    assertEquals([reply.status, codeOf(reply)], [404, "MANIFEST_BLOB_UNKNOWN"]);
    await api.pushBlob(NAME, blob);
    assertEquals((await api.put(NAME, "2", image.manifest)).status, 201);
    assertEquals((await api.send("GET", path)).bytes, blob);
    // Also from a server without the upload.
    await using server = await serveRegistry(own.store);
    assertEquals((await new Api(server.url).send("GET", path)).bytes, blob);
  });
}

Deno.test("served: an image whose config is damaged is refused, and the config can be pushed again", async () => {
  await using own = await served();
  const { api, root } = own;
  const { image } = await pushSample(api);
  await flipByte(`${root}/content/${blobPath(image.imageId)}`);
  const reply = await api.put(NAME, "2", image.manifest);
  assertEquals([reply.status, codeOf(reply)], [404, "MANIFEST_BLOB_UNKNOWN"]);
  await api.pushBlob(NAME, image.config);
  assertEquals((await api.put(NAME, "2", image.manifest)).status, 201);
  const got = await api.send("GET", `/v2/${NAME}/blobs/${image.imageId}`);
  assertEquals(got.bytes, image.config);
});

Deno.test("served: an index cannot name a manifest that was pushed as a blob, whatever its media type", async () => {
  await using own = await served();
  const { api, store } = own;
  const { manifest, descriptor, config, layers } = sampleImage();
  await api.pushBlob(NAME, manifest);
  for (const mediaType of [MANIFEST, "application/octet-stream"]) {
    const manifests = [{ ...descriptor, mediaType }];
    const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests });
    const reply = await api.put(NAME, "all", index, INDEX);
    assertEquals([reply.status, codeOf(reply)], [404, "MANIFEST_BLOB_UNKNOWN"], mediaType);
  }
  assertEquals(store.images.list(), []);
  // Other blobs that the index names are kept as they are, and so are manifests that were pushed as such.
  for (const bytes of [config, ...layers.map(({ blob }) => blob)]) await api.pushBlob(NAME, bytes);
  assertEquals((await api.put(NAME, descriptor.digest, manifest)).status, 201);
  const manifests = [descriptor, await api.pushBlob(NAME, BLOB, "text/plain")];
  const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests });
  assertEquals((await api.put(NAME, "all", index, INDEX)).status, 201);
  const path = `/v2/${NAME}/manifests/${descriptor.digest}`;
  assertEquals((await api.send("GET", path)).bytes, manifest);
  assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${BLOB_DIGEST}`)).bytes, BLOB);
});

Deno.test("served: a layer of a wrong media type is refused, whether the store has it or not", async () => {
  for (const isKnown of [false, true]) {
    await using own = await served();
    const { api } = own;
    if (isKnown) await pushSample(api);
    const { config, layers, manifest } = sampleImage();
    const [gzip, zstd, plain] = layers.map(({ descriptor }) => descriptor.digest);
    for (const bytes of [config, ...layers.map(({ blob }) => blob)]) {
      // A client that asks first does not upload what the store has.
      const { status } = await api.send("HEAD", `/v2/${NAME}/blobs/${sha256Of(bytes)}`);
      if (status === 404) await api.pushBlob(NAME, bytes);
    }
    for (
      const [digest, ending, status] of [
        [gzip, "tar", 400],
        [zstd, "tar", 400],
        [gzip, "tar+zstd", 201],
        [plain, "tar+gzip", 201],
      ] as const
    ) {
      const document = jsonOf(manifest);
      const named = document.layers.find((layer: { digest: string }) => layer.digest === digest);
      named.mediaType = `application/vnd.oci.image.layer.v1.${ending}`;
      const reply = await api.put(NAME, "wrong", jsonBytes(document));
      assertEquals(reply.status, status, `${digest} ${ending}`);
      if (status === 400) {
        assertEquals(jsonOf(reply.bytes).errors[0].detail.code, "E_COMPRESSION");
      }
    }
  }
});

Deno.test("served: a blob that a client was told of stays until a manifest can name it, but not for ever", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: temp.path, durability: "none" });
  const lifetime = 1000;
  let now = 0;
  await using registry = new Registry(store, { uploadLifetime: lifetime }, () => now);
  const image = sampleImage();
  await loadImages(store, new Blob([archiveTar(ociFiles([image]))]).stream());
  const digests = [image.imageId, ...image.layers.map(({ descriptor }) => descriptor.digest)];
  const ask = async (method: string, target: string) => {
    const request = requestOf(method, target);
    return (await registry.answer(request).catch((refusal) => refusal)).status;
  };
  const gc = async () => {
    await collectGarbage(store);
    return store.blobs.list().map(({ digest }) => digest);
  };
  // Asked by a HEAD, and by a mount.
  const [mounted, ...asked] = digests as [string, ...string[]];
  for (const digest of asked) assertEquals(await ask("HEAD", `/v2/a/blobs/${digest}`), 200);
  assertEquals(await ask("POST", `/v2/a/blobs/uploads/?mount=${mounted}&from=b`), 201);
  store.images.removeAll(store.images.list().map(({ name }) => name));
  assertEquals(await gc(), [...digests].sort());
  // Asked again when a lifetime is over: this one stays for another.
  now += lifetime;
  await registry.sweep();
  const [again] = asked as [string];
  assertEquals(await ask("HEAD", `/v2/a/blobs/${again}`), 200);
  now += lifetime;
  await registry.sweep();
  assertEquals(await gc(), [again]);
  now += 2 * lifetime;
  await registry.sweep();
  assertEquals(await gc(), []);
  assertEquals(await ask("HEAD", `/v2/a/blobs/${again}`), 404);
});

/** A request without headers and without a body. */
function requestOf(method: string, target: string): RegistryRequest {
  const { pathname, searchParams } = new URL(target, "http://registry");
  return {
    method,
    path: pathname,
    query: searchParams,
    header: () => undefined,
    body: ReadableStream.from<Uint8Array>([]),
    signal: new AbortController().signal,
  };
}
