/** Lists and deletions of the client, at varve's registry and at Debian's docker-registry. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Digest } from "../../lib/digest/mod.ts";
import { loadClientConfig, RegistryClient } from "../../lib/registry/mod.ts";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { codeOf } from "../support/code_of.ts";
import { jsonBytes } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs, type Skip } from "../support/machine/needs.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../support/registry/docker_registry.ts";
import { configFor, Servers } from "../support/registry/hostile_registry.ts";
import { Api, BLOB, MANIFEST, NAME, NOTHING, pushSample } from "./registry_api.ts";

/** A running registry, and what it does not support. */
interface Peer {
  readonly label: string;
  readonly skip: Skip;
  start(): Promise<{ readonly host: string } & AsyncDisposable>;
  readonly deletesTags: boolean;
  readonly deletesUsedBlobs: boolean;
}

const PEERS: readonly Peer[] = [
  {
    label: "serveRegistry",
    skip: { ignore: false },
    async start() {
      await using stack = new AsyncDisposableStack();
      const { port } = stack.use(await serveRegistry(stack.use(openMemoryStore())));
      const all = stack.move();
      return { host: `localhost:${port}`, [Symbol.asyncDispose]: () => all.disposeAsync() };
    },
    deletesTags: true,
    deletesUsedBlobs: false,
  },
  {
    label: "docker-registry",
    skip: needs({ tools: REGISTRY_TOOLS }),
    start: () => dockerRegistry(),
    deletesTags: false,
    deletesUsedBlobs: true,
  },
];

async function clientOf(host: string): Promise<RegistryClient> {
  return new RegistryClient(await loadClientConfig(host, undefined, { backoff: 1 }));
}

for (const { label, skip, start, deletesTags, deletesUsedBlobs } of PEERS) {
  Deno.test({
    name: `client at ${label}: all repositories, in many pages`,
    ...skip,
    fn: async () => {
      await using registry = await start();
      const api = new Api(`http://${registry.host}`);
      using client = await clientOf(registry.host);
      assertEquals(await Array.fromAsync(client.catalog()), []);
      // docker-registry gives 100 of them in a page.
      const names = Array.from({ length: 203 }, (_, at) => `team/app-${String(at + 100)}`);
      const config = await api.pushBlob(NAME, jsonBytes({}), "application/x.empty");
      const manifest = jsonBytes({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] });
      for (const name of names) {
        const mount = `/v2/${name}/blobs/uploads/?mount=${config.digest}&from=${NAME}`;
        assertEquals((await api.send("POST", mount)).status, 201);
        assertEquals((await api.put(name, "1", manifest)).status, 201);
      }
      const found = await Array.fromAsync(client.catalog());
      assertEquals(found.filter((name) => name !== NAME), names);
      // A caller that stops reading causes no further request.
      const first = client.catalog();
      assertEquals((await first.next()).value, found[0]);
      await first.return?.();
    },
  });

  Deno.test({
    name: `client at ${label}: a manifest is deleted with its tags`,
    ...skip,
    fn: async () => {
      await using registry = await start();
      const api = new Api(`http://${registry.host}`);
      using client = await clientOf(registry.host);
      const { image } = await pushSample(api);
      await api.put(NAME, "2", image.manifest);
      const digest = image.descriptor.digest as Digest;
      assertEquals(await client.manifestDigest({ repository: NAME, tag: "2" }), digest);
      assertEquals(await client.manifestDigest({ repository: NAME, tag: "none" }), undefined);
      await client.deleteManifest({ repository: NAME, digest });
      for (const name of [{ tag: "1" }, { tag: "2" }, { digest }]) {
        assertEquals(await client.hasManifest({ repository: NAME, ...name }), false);
      }
      const again = () => client.deleteManifest({ repository: NAME, digest });
      assertEquals(await codeOf(again), "E_NOT_FOUND");
    },
  });

  Deno.test({
    name: `client at ${label}: a tag is deleted, ${deletesTags ? "or missing" : "or not"}`,
    ...skip,
    fn: async () => {
      await using registry = await start();
      const api = new Api(`http://${registry.host}`);
      using client = await clientOf(registry.host);
      const { image } = await pushSample(api);
      const remove = (tag: string) => client.deleteManifest({ repository: NAME, tag });
      if (deletesTags) {
        await remove("1");
        assertEquals(await client.hasManifest({ repository: NAME, tag: "1" }), false);
        assertEquals(await codeOf(() => remove("1")), "E_NOT_FOUND");
      } else {
        assertEquals(await codeOf(() => remove("1")), "E_REGISTRY");
        assertEquals(await client.hasManifest({ repository: NAME, tag: "1" }), true);
      }
      const digest = image.descriptor.digest as Digest;
      assertEquals(await client.hasManifest({ repository: NAME, digest }), true);
    },
  });

  Deno.test({
    name: `client at ${label}: a blob is deleted`,
    ...skip,
    fn: async () => {
      await using registry = await start();
      const api = new Api(`http://${registry.host}`);
      using client = await clientOf(registry.host);
      const { image } = await pushSample(api);
      const blob = await api.pushBlob(NAME, BLOB);
      const remove = (digest: string) => client.deleteBlob(NAME, digest as Digest);
      await remove(blob.digest);
      assertEquals((await api.send("HEAD", `/v2/${NAME}/blobs/${blob.digest}`)).status, 404);
      assertEquals(await codeOf(() => remove(blob.digest)), "E_NOT_FOUND");
      assertEquals(await codeOf(() => remove(NOTHING)), "E_NOT_FOUND");
      const used = image.layers[0]?.descriptor.digest ?? "";
      assertEquals(await codeOf(() => remove(used)), deletesUsedBlobs ? "ok" : "E_REGISTRY");
    },
  });

  Deno.test({
    name: `client at ${label}: referrers, by the API or by the referrers tag`,
    ...skip,
    fn: async () => {
      await using registry = await start();
      const api = new Api(`http://${registry.host}`);
      using client = await clientOf(registry.host);
      const subject = (await pushSample(api)).image.descriptor;
      const artifactType = "application/x.note";
      const { bytes, digest, reply } = await api.pushArtifact(NAME, undefined, {
        artifactType,
        subject,
      });
      // What a pushing client must do when the registry did not list the referrer.
      if (reply.headers.get("oci-subject") === null) {
        const mediaType = "application/vnd.oci.image.index.v1+json";
        const manifests = [{ mediaType: MANIFEST, size: bytes.length, digest, artifactType }];
        const index = jsonBytes({ schemaVersion: 2, mediaType, manifests });
        const tag = subject.digest.replace(":", "-");
        assertEquals((await api.put(NAME, tag, index, mediaType)).status, 201);
      }
      const found = await client.referrers(NAME, subject.digest as Digest);
      assertEquals(found.map((one) => [one.digest, one.artifactType]), [[digest, artifactType]]);
      assertEquals(await client.referrers(NAME, NOTHING as Digest), []);
    },
  });
}

Deno.test("client: a registry that lists no repositories and deletes nothing", async () => {
  await using servers = new Servers();
  const answers: Record<string, Response> = {
    "GET /v2/_catalog": Response.json({ errors: [{ code: "UNSUPPORTED" }] }, { status: 405 }),
    "DELETE /v2/app/manifests/1": new Response("", { status: 405 }),
    [`DELETE /v2/app/blobs/${NOTHING}`]: new Response("", { status: 403 }),
  };
  const own = servers.start(({ method }, { pathname }) => answers[`${method} ${pathname}`]);
  using client = new RegistryClient(configFor(own));
  const failed = await Array.fromAsync(client.catalog()).catch((error) => error);
  assertEquals(failed.code, "E_REGISTRY");
  assertStringIncludes(failed.message, "Cannot list the repositories of r.example");
  assertStringIncludes(failed.message, "405 (UNSUPPORTED)");
  const tag = () => client.deleteManifest({ repository: "app", tag: "1" });
  assertEquals(await codeOf(tag), "E_REGISTRY");
  assertEquals(await codeOf(() => client.deleteBlob("app", NOTHING as Digest)), "E_DENIED");
  await assertRejects(() => client.deleteManifest({ repository: "app" }), TypeError);
});

Deno.test("client: a deletion asks for its own scope, and goes to no mirror", async () => {
  await using servers = new Servers();
  const mirror = servers.start();
  const realm = servers.start((_, { pathname }) =>
    pathname === "/token" ? Response.json({ token: "T-1" }) : undefined
  );
  const own = servers.start((request) =>
    request.headers.get("authorization") === "Bearer T-1"
      ? new Response("", { status: 202 })
      : new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}/token",service="s"` },
      })
  );
  const config = configFor([mirror, own]);
  const [first, last] = config.endpoints;
  const endpoints = [{ ...first!, namespace: "r.example" }, last!];
  using client = new RegistryClient({ ...config, endpoints });
  await client.deleteManifest({ repository: "app", tag: "1" });
  await client.deleteBlob("app", sampleImage().imageId as Digest);
  assertEquals(servers.seen.filter(({ origin }) => origin === mirror), []);
  const asked = servers.seen.filter(({ origin }) => origin === realm).map(({ path }) => path);
  assertEquals(asked, ["/token?service=s&scope=repository%3Aapp%3Adelete"]);
});

Deno.test("client: the pages of a catalog must stay at the registry, and are bounded", async () => {
  await using servers = new Servers();
  const page = (repositories: unknown, link?: string) =>
    Response.json(
      { repositories },
      link === undefined ? {} : { headers: { link: `<${link}>; rel="next"` } },
    );
  const pages: Record<string, () => Response> = {
    away: () => page(["a"], "http://127.0.0.1:1/evil"),
    loop: () => page(["a"], "/v2/_catalog?loop"),
    junk: () => page([1]),
    none: () => page(null),
    good: () => page(["a"], "/v2/_catalog?none"),
  };
  for (
    const [kind, outcome] of [
      ["away", "E_REGISTRY"],
      ["loop", "E_REGISTRY"],
      ["junk", "E_REGISTRY"],
      ["none", []],
      ["good", ["a"]],
    ] as const
  ) {
    const own = servers.start((_, { search }) => pages[search.slice(1) || kind]?.());
    using client = new RegistryClient(configFor(own));
    const got = await Array.fromAsync(client.catalog()).catch((error) => error.code);
    assertEquals(got, outcome, kind);
  }
});
