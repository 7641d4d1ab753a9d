import { assert, assertEquals } from "@std/assert";
import type { LoadedImage } from "../../../lib/image/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { type ClientConfig, pullImage, RegistryClient } from "../../../lib/registry/mod.ts";
import { openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { type BuiltImage, describe, jsonBytes } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import {
  type Answer,
  configFor,
  imageAnswer,
  partsOf,
  Servers,
} from "../../support/registry/hostile_registry.ts";

const image = sampleImage();
const parts = partsOf(image);
const HOST = { os: "linux", architecture: "amd64" };

async function pull(store: Store, config: ClientConfig): Promise<LoadedImage> {
  await using pool = createPool({ inline: true });
  using client = new RegistryClient(config);
  return await pullImage(store, "r.example/app:1", { client, pool, host: HOST });
}

/** The outcome of a pull from these answers. A pull that fails leaves nothing in the store. */
async function outcome(answers: Answer[], more: Partial<ClientConfig> = {}): Promise<string> {
  await using servers = new Servers();
  await using store = openMemoryStore();
  const own = servers.start(...answers);
  const code = await codeOf(() => pull(store, configFor(own, {}, more)));
  if (code === "ok") await provedAs(store, image);
  else {
    assertEquals(store.blobs.list(), []);
    assertEquals(store.layers.list(), []);
    assertEquals(store.images.list(), []);
  }
  return code;
}

async function provedAs(store: Store, { layers, descriptor }: BuiltImage): Promise<void> {
  assertEquals(store.images.list().map(({ name, target }) => [name, target.digest]), [
    ["r.example/app:1", descriptor.digest],
  ]);
  for (const { tar, diffId } of layers) {
    const stream = await store.layers.open(diffId as never);
    assertEquals(new Uint8Array(await new Response(stream as BodyInit).arrayBuffer()), tar);
  }
}

type OnBlob = (
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  request: Request,
  digest: string,
) => Response | undefined;

const onBlob = (answer: OnBlob): Answer => (request, { pathname }) => {
  const digest = /\/blobs\/(.*)$/.exec(pathname)?.[1] ?? "";
  const bytes = parts.get(digest);
  if (bytes === undefined || digest === image.imageId) return undefined;
  const from = /^bytes=([0-9]+)-$/.exec(request.headers.get("range") ?? "")?.[1];
  return answer(bytes, Number(from ?? 0), request, digest);
};

/** Serves bytes from an offset on, cut after `most` bytes. */
function cut(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  most: number,
  more: HeadersInit = {},
): Response {
  const rest = bytes.subarray(from);
  const given = rest.subarray(0, most);
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!sent && given.length > 0) controller.enqueue(given);
      // Short of its length, and so the connection is cut.
      else controller.close();
      sent = true;
    },
  });
  const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  return new Response(body, {
    status: from === 0 ? 200 : 206,
    headers: {
      etag: '"e"',
      "content-length": `${rest.length}`,
      ...(from === 0 ? {} : range),
      ...more,
    },
  });
}

Deno.test("H29 a pull whose connection is cut after every k bytes succeeds", async () => {
  for (const k of [1000, 333, 71]) {
    let sent = 0;
    const answer = onBlob((bytes, from) => {
      sent += Math.min(k, bytes.length - from);
      return cut(bytes, from, k);
    });
    assertEquals(await outcome([answer, imageAnswer(image)]), "ok", `${k}`);
    const size = image.layers.reduce((sum, { blob }) => sum + blob.length, 0);
    assert(sent <= 1.1 * size + 3 * k, `${sent} of ${size} bytes at ${k}`);
  }
});

Deno.test("H17 answers to a range request when a pull resumes", async () => {
  let tries = 0;
  const resumed = (answer: OnBlob) =>
    onBlob((bytes, from, request, digest) =>
      from === 0 && !request.headers.has("range")
        ? cut(bytes, 0, 500)
        : answer(bytes, from, request, digest)
    );
  const cases: [string, OnBlob][] = [
    ["ok", (bytes, from) => cut(bytes, from, Infinity)],
    // The whole blob again: the bytes that were read already are skipped.
    ["ok", (bytes) => new Response(bytes)],
    [
      "E_REGISTRY",
      (bytes, from) =>
        cut(bytes, from, Infinity, {
          "content-range": `bytes 0-${bytes.length - 1}/${bytes.length}`,
        }),
    ],
    ["E_REGISTRY", (bytes, from) => cut(bytes, from, Infinity, { "content-range": "junk" })],
    ["E_REGISTRY", () => new Response("", { status: 416 })],
    ["E_SIZE", () => new Response(new Uint8Array(3))],
    ["E_DIGEST", (bytes, from) => cut(bytes.map((byte) => byte ^ 1), from, Infinity)],
    ["E_DIGEST", (bytes) => new Response(bytes.map((byte, i) => i < 600 ? byte : byte ^ 1))],
    [
      "ok",
      (bytes, from) =>
        ++tries % 2 === 0 ? cut(bytes, from, Infinity) : new Response("", { status: 503 }),
    ],
  ];
  for (const [i, [code, answer]] of cases.entries()) {
    assertEquals(await outcome([resumed(answer), imageAnswer(image)]), code, `case ${i}`);
  }
});

Deno.test("H17 If-Range has the etag of the first answer, but not a weak one", async () => {
  const asked: (string | null)[] = [];
  for (const etag of ['"strong"', 'W/"weak"', "bare"]) {
    const answer = onBlob((bytes, from, request) => {
      if (from > 0) asked.push(request.headers.get("if-range"));
      return from === 0
        ? cut(bytes, 0, bytes.length - 1, { etag })
        : cut(bytes, from, Infinity, { etag });
    });
    assertEquals(await outcome([answer, imageAnswer(image)]), "ok");
  }
  assertEquals([...new Set(asked)], ['"strong"', null]);
});

Deno.test("blobs with other bytes, too long, too short, encoded or missing are refused", async () => {
  const cases: [string, OnBlob][] = [
    ["E_DIGEST", (bytes) => new Response(bytes.map((byte, i) => i === 700 ? byte ^ 1 : byte))],
    ["E_SIZE", (bytes) => new Response(new Uint8Array([...bytes, 0]))],
    ["E_SIZE", (bytes) => new Response(bytes.subarray(1))],
    // Without a length the size is known only at the end.
    [
      "E_SIZE",
      (bytes) => new Response(ReadableStream.from([bytes, new Uint8Array(9)]) as BodyInit),
    ],
    ["E_REGISTRY", (bytes) => new Response(ReadableStream.from([bytes.subarray(1)]) as BodyInit)],
    ["E_REGISTRY", (bytes) => new Response(bytes, { headers: { "content-encoding": "br" } })],
    ["E_MISSING", () => new Response("", { status: 404 })],
    ["E_DENIED", () => new Response("", { status: 403 })],
  ];
  for (const [i, [code, answer]] of cases.entries()) {
    assertEquals(await outcome([onBlob(answer), imageAnswer(image)]), code, `case ${i}`);
  }
});

Deno.test("H14 the urls of a layer are ignored", async () => {
  await using servers = new Servers();
  await using store = openMemoryStore();
  const evil = servers.start(() => new Response("evil"));
  const layers = image.layers.map(({ descriptor }) => ({
    ...descriptor,
    urls: [`${evil}/layer`],
  }));
  const json = JSON.parse(new TextDecoder().decode(image.manifest));
  const manifest = jsonBytes({ ...json, layers });
  const own = servers.start(
    (_, { pathname }) => {
      if (!pathname.includes("/manifests/")) return undefined;
      return new Response(manifest, { headers: { "content-type": image.descriptor.mediaType } });
    },
    imageAnswer(image),
  );
  const pulled = await pull(store, configFor(own));
  assertEquals(pulled.manifest, describe("", manifest).digest as never);
  assertEquals(servers.seen.filter(({ origin }) => origin === evil), []);
});

Deno.test("layers, configs and whole images that the store has are not fetched again", async () => {
  await using servers = new Servers();
  await using store = openMemoryStore();
  const own = servers.start(imageAnswer(image));
  const first = await pull(store, configFor(own));
  assertEquals(first.layers.map(({ processed }) => processed), [true, true, true]);
  const before = servers.seen.length;
  const second = await pull(store, configFor(own));
  assertEquals(second.layers.map(({ processed }) => processed), [false, false, false]);
  assertEquals(servers.seen.slice(before).map(({ path }) => path), ["/v2/app/manifests/1"]);
  assertEquals({ ...second, layers: [] }, { ...first, layers: [] });
});

const PAGE = new TextEncoder().encode("<html>");

Deno.test("with a mirror that fails, lies or lacks the image, the pull falls back", async () => {
  const lies: Answer[] = [
    () => new Response("", { status: 404 }),
    () => new Response("", { status: 401 }),
    () => new Response("", { status: 500 }),
    (_, { pathname }) =>
      pathname.includes("/blobs/") ? new Response("", { status: 403 }) : undefined,
    // Other bytes of the right length.
    (_, { pathname }) => {
      const bytes = parts.get(/\/blobs\/(.*)$/.exec(pathname)?.[1] ?? "");
      return bytes && new Response(new Uint8Array(bytes.length));
    },
    (_, { pathname }) =>
      pathname.includes("/blobs/") ? new Response(ReadableStream.from([PAGE])) : undefined,
    // An HTML page of a proxy.
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
  ];
  for (const lie of lies) {
    await using servers = new Servers();
    await using store = openMemoryStore();
    const mirror = servers.start(lie, imageAnswer(image));
    const own = servers.start(imageAnswer(image));
    await pull(store, configFor([mirror, own]));
    await provedAs(store, image);
  }
});

Deno.test("a mirror that cannot be reached is tried once for a whole pull", async () => {
  for (const status of [503, 429]) {
    await using servers = new Servers();
    await using store = openMemoryStore();
    const mirror = servers.start(() => new Response("", { status }));
    const own = servers.start(imageAnswer(image));
    await pull(store, configFor([mirror, own]));
    await provedAs(store, image);
    assertEquals(servers.seen.filter(({ origin }) => origin === mirror).length, 1);
  }
});

Deno.test("of an index only the manifest for the platform is pulled, and the target stays the index", async () => {
  await using servers = new Servers();
  await using store = openMemoryStore();
  const other = describe(image.descriptor.mediaType, jsonBytes({ other: true }));
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [
      { ...other, platform: { os: "linux", architecture: "arm64" } },
      { ...image.descriptor, platform: HOST },
    ],
  });
  const type = "application/vnd.oci.image.index.v1+json";
  const own = servers.start(
    (_, { pathname }) =>
      pathname.endsWith("/manifests/1")
        ? new Response(index, { headers: { "content-type": type } })
        : undefined,
    imageAnswer(image),
  );
  const pulled = await pull(store, configFor(own));
  assertEquals(pulled.manifest, describe(type, index).digest as never);
  assertEquals(pulled.imageId, image.imageId as never);
  assertEquals(servers.seen.some(({ path }) => path.includes(other.digest)), false);
});
