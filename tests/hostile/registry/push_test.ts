import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import type { Digest } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { parseReference } from "../../../lib/oci/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import {
  copyImage,
  type CopySide,
  type PushedImage,
  pushImage,
  RegistryClient,
} from "../../../lib/registry/mod.ts";
import { openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import {
  archiveTar,
  type BuiltImage,
  jsonBytes,
  ociFiles,
  sha256Of,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import {
  type Answer,
  bearerAnswer,
  configFor,
  imageAnswer,
  Servers,
} from "../../support/registry/hostile_registry.ts";

const image = sampleImage();
const USER = { kind: "basic", username: "user", password: "PASSWORD-1" } as const;

async function storeOf(built: BuiltImage = image): Promise<Store> {
  const store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const archive = ReadableStream.from([archiveTar(ociFiles([built]))]);
  await loadImages(store, archive, { pool, name: "r.example/app:1" });
  // A second repository of the same registry, to mount from.
  store.images.set("r.example/base:1", store.images.list()[0]!.target);
  return store;
}

async function push(own: string): Promise<PushedImage> {
  await using store = await storeOf();
  using client = new RegistryClient(configFor(own, { [own]: USER }));
  const record = store.images.get("r.example/app:1")!;
  return await pushImage(store, record, parseReference("r.example/app:1"), { client });
}

/** A registry that keeps what is pushed. Answers of a test take precedence. */
class Keeper {
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, Uint8Array>();

  readonly answer: Answer = async (request, url) => {
    const digest = /\/blobs\/(sha256:.*)$/.exec(url.pathname)?.[1];
    if (request.method === "HEAD" && digest !== undefined) {
      return new Response("", { status: this.blobs.has(digest) ? 200 : 404 });
    }
    if (request.method === "POST") {
      return new Response("", {
        status: 202,
        headers: { location: "/v2/app/blobs/uploads/1?state=x" },
      });
    }
    if (request.method !== "PUT") return undefined;
    const bytes = new Uint8Array(await request.arrayBuffer());
    const name = /\/manifests\/(.*)$/.exec(url.pathname)?.[1];
    if (name !== undefined) this.manifests.set(name, bytes);
    else {
      assertEquals(url.searchParams.get("state"), "x");
      assertEquals(sha256Of(bytes), url.searchParams.get("digest"));
      this.blobs.set(sha256Of(bytes), bytes);
    }
    return new Response("", { status: 201 });
  };
}

const onPost = (answer: (url: URL) => Response | undefined): Answer => (request, url) =>
  request.method === "POST" && url.pathname !== "/token" ? answer(url) : undefined;

Deno.test("push: blobs first, the manifest last and byte for byte", async () => {
  await using servers = new Servers();
  const keeper = new Keeper();
  const own = servers.start(keeper.answer);
  const pushed = await push(own);
  assertEquals(pushed.digest, image.descriptor.digest as never);
  assertEquals(keeper.manifests.get("1"), image.manifest);
  assertEquals(
    [...keeper.blobs.keys()].sort(),
    [image.imageId, ...image.layers.map(({ descriptor }) => descriptor.digest)].sort(),
  );
  assertEquals(servers.seen.at(-1)?.path, "/v2/app/manifests/1");
  const again = await push(own);
  assertEquals([...new Set(again.blobs.map(({ outcome }) => outcome))], ["present"]);
});

Deno.test("H18 an upload location at another origin is refused, and nothing is sent there", async () => {
  await using servers = new Servers();
  const evil = servers.start(() => new Response("", { status: 201 }));
  const locations = [
    `${evil}/x`,
    `//${new URL(evil).host}/x`,
    evil.replace("http://", "http://u:p@"),
    "file:///x",
    "http://[",
  ];
  for (const location of locations) {
    const keeper = new Keeper();
    const own = servers.start(
      (_, { pathname }) => pathname === "/token" ? Response.json({ token: "TOKEN-1" }) : undefined,
      bearerAnswer("TOKEN-1", () => `${own}/token`),
      onPost(() => new Response("", { status: 202, headers: { location } })),
      keeper.answer,
    );
    assertEquals(await codeOf(() => push(own)), "E_REGISTRY", location);
    assertEquals(keeper.manifests.size, 0);
  }
  assertEquals(servers.seen.filter(({ origin }) => origin === evil), []);
  assertFalse(servers.originsThatGot("TOKEN-1").includes(evil));
});

Deno.test("H19 a mount that fails falls back to an upload", async () => {
  const mounts: ((url: URL) => Response | undefined)[] = [
    // It answers 201, but the blob is missing.
    () =>
      new Response("", {
        status: 201,
        headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` },
      }),
    () => new Response("", { status: 404 }),
    () => new Response("", { status: 405 }),
    () => new Response("", { status: 400 }),
    () => new Response("", { status: 401 }),
    () => new Response("", { status: 403 }),
    () => new Response("", { status: 500 }),
    () => new Response("", { status: 503, headers: { "retry-after": "20" } }),
    () => undefined,
  ];
  for (const mount of mounts) {
    await using servers = new Servers();
    const keeper = new Keeper();
    const own = servers.start(
      onPost((url) => url.searchParams.has("mount") ? mount(url) : undefined),
      keeper.answer,
    );
    const pushed = await push(own);
    assert(pushed.blobs.every(({ outcome }) => outcome === "uploaded"));
    // Each mount is tried once.
    const asked = servers.seen.filter(({ path }) => path.includes("from=base"));
    assertEquals(asked.length, pushed.blobs.length);
  }
});

Deno.test("H19 push and copy go on when the token server refuses the repository to mount from", async () => {
  const source = imageAnswer(image);
  const ways: ((own: string) => Promise<PushedImage>)[] = [push, async (own) => {
    using client = new RegistryClient(configFor(own, { [own]: USER }));
    const [from, to] = ["app:1", "other:1"].map((name) => ({
      client,
      reference: parseReference(`r.example/${name}`),
    })) as [CopySide, CopySide];
    return await copyImage(from, to);
  }];
  for (const way of ways) {
    for (const status of [400, 401, 403, 503]) {
      await using servers = new Servers();
      const keeper = new Keeper();
      const own = servers.start(
        (_, { pathname, searchParams }) => {
          if (pathname !== "/token") return undefined;
          const many = searchParams.getAll("scope").length > 1;
          return many ? new Response("", { status }) : Response.json({ token: "TOKEN-1" });
        },
        bearerAnswer("TOKEN-1", () => `${own}/token`),
        (request, url) => request.method === "GET" ? source(request, url) : undefined,
        keeper.answer,
      );
      const pushed = await way(own);
      assert(pushed.blobs.every(({ outcome }) => outcome === "uploaded"));
      assertEquals(keeper.blobs.size, pushed.blobs.length);
    }
  }
});

Deno.test("push: aborted during a mount, it begins no upload", async () => {
  await using servers = new Servers();
  const stop = new AbortController();
  const reason = new VarveError("E_REGISTRY", "another blob failed");
  const own = servers.start(
    onPost(() => {
      stop.abort(reason);
      return new Response("", { status: 403 });
    }),
    new Keeper().answer,
  );
  using client = new RegistryClient(configFor(own));
  const blob = { digest: image.imageId as Digest, size: image.config.length };
  const open = () => Promise.resolve(new Blob([image.config]).stream());
  const upload = { blob, open, mountFrom: ["base", "other"] };
  const failed = await client.uploadBlob("app", upload, stop.signal).catch((error) => error);
  assertEquals(failed, reason);
  assertEquals(servers.seen.filter(({ method }) => method === "POST").length, 1);
});

Deno.test("push: a registry that refuses, redirects an upload, or answers another digest", async () => {
  const wrong = { "docker-content-digest": `sha256:${"0".repeat(64)}` };
  const cases: [string, Answer][] = [
    ["E_DENIED", onPost(() => new Response("", { status: 403 }))],
    ["E_REGISTRY", onPost(() => new Response("", { status: 400 }))],
    ["E_REGISTRY", onPost(() => new Response("", { status: 202 }))],
    [
      "E_REGISTRY",
      onPost(() => new Response("", { status: 307, headers: { location: "/elsewhere" } })),
    ],
    [
      "E_DIGEST",
      ({ method }, { pathname }) =>
        method === "PUT" && pathname.includes("/manifests/")
          ? new Response("", { status: 201, headers: wrong })
          : undefined,
    ],
    // An early answer: the body is not read.
    [
      "E_REGISTRY",
      ({ method }, { pathname }) =>
        method === "PUT" && pathname.includes("/blobs/")
          ? new Response("", { status: 413 })
          : undefined,
    ],
  ];
  for (const [i, [code, answer]] of cases.entries()) {
    await using servers = new Servers();
    const own = servers.start(
      // This registry does not mount.
      onPost((url) =>
        url.searchParams.has("mount") ? new Response("", { status: 404 }) : undefined
      ),
      answer,
      new Keeper().answer,
    );
    assertEquals(await codeOf(() => push(own)), code, `case ${i}`);
  }
});

Deno.test("H21 a nondistributable layer is left out; a missing part is an error before anything is sent", async () => {
  const layers = image.layers.map(({ descriptor }, i) =>
    i > 0 ? descriptor : {
      ...descriptor,
      mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    }
  );
  const manifest = jsonBytes({ ...JSON.parse(new TextDecoder().decode(image.manifest)), layers });
  const descriptor = { ...image.descriptor, digest: sha256Of(manifest), size: manifest.length };
  await using store = await storeOf({ ...image, manifest, descriptor });
  await using servers = new Servers();
  const keeper = new Keeper();
  using client = new RegistryClient(configFor(servers.start(keeper.answer)));
  const record = store.images.get("r.example/app:1")!;
  const warnings: string[] = [];
  await pushImage(store, record, parseReference("r.example/app:2"), {
    client,
    onWarning: (message) => warnings.push(message),
  });
  assertEquals(warnings.length, 1);
  assertEquals(keeper.blobs.size, 3);
  assertFalse(keeper.blobs.has(image.layers[0]!.descriptor.digest));
  const before = servers.seen.length;
  const target = { ...record.target, digest: `sha256:${"1".repeat(64)}` as never };
  const code = await codeOf(() =>
    pushImage(store, { ...record, target }, parseReference("r.example/app:3"), { client })
  );
  assertEquals([code, servers.seen.length], ["E_PRECONDITION", before]);
});

Deno.test("a referrers tag that names no index stays as it is", async () => {
  const digest = `sha256:${"1".repeat(64)}` as Digest;
  const cases: [string, () => Response][] = [
    ["E_MEDIA_TYPE", () => new Response(image.manifest)],
    ["E_JSON", () => new Response("<html>")],
    ["E_DENIED", () => new Response("", { status: 403 })],
    ["E_LIMIT", () => new Response(new Uint8Array(5 * 1024 ** 2))],
  ];
  for (const [code, answer] of cases) {
    await using servers = new Servers();
    const keeper = new Keeper();
    const own = servers.start(
      ({ method }, { pathname }) =>
        method === "GET" && pathname.endsWith(`/manifests/sha256-${digest.slice(7)}`)
          ? answer()
          : undefined,
      keeper.answer,
    );
    using client = new RegistryClient(configFor(own));
    const referrer = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
    const failed = await client.listReferrer("app", { digest }, referrer).catch((error) => error);
    assertEquals(failed.code, code);
    // The error names both the tag and the registry.
    assertStringIncludes(failed.message, `app:sha256-${digest.slice(7)} at ${own}`);
    assertEquals(keeper.manifests.size, 0);
    if (code !== "E_MEDIA_TYPE") continue;
    const message = await client.referrers("app", digest).catch((error) => error.message);
    const tag = `r.example/app:sha256-${digest.slice(7)}`;
    assertEquals(
      message,
      `Cannot list what refers to ${digest} under ${tag}: the tag names no index: it is a manifest`,
    );
  }
});

Deno.test("push: uploads, their retries and pings go to the first endpoint that may push", async () => {
  await using servers = new Servers();
  const keeper = new Keeper();
  let busy = 2;
  const first = servers.start(
    onPost(() => busy-- > 0 ? new Response("", { status: 503 }) : undefined),
    keeper.answer,
    (_, { pathname }) => pathname === "/v2/" ? new Response("") : undefined,
  );
  const last = servers.start();
  const config = configFor([servers.start(), first, last]);
  const endpoints = config.endpoints.map((endpoint, i) =>
    i === 0 ? { ...endpoint, capabilities: ["pull", "resolve"] as const } : endpoint
  );
  using client = new RegistryClient({ ...config, endpoints });
  await client.ping();
  const blob = { digest: image.imageId as Digest, size: image.config.length };
  const open = () => Promise.resolve(new Blob([image.config]).stream());
  assertEquals(await client.uploadBlob("app", { blob, open }), "uploaded");
  assertEquals([...new Set(servers.seen.map(({ origin }) => origin))], [first]);
  assertEquals(busy, -1);
});
