/** Copies from registry to registry, where one side breaks, lies, or must not learn the other's secrets. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseReference } from "../../../lib/oci/mod.ts";
import {
  type ClientConfig,
  copyImage,
  type PushedImage,
  RegistryClient,
} from "../../../lib/registry/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import {
  buildImage,
  type BuiltImage,
  describe,
  jsonBytes,
  sha256Of,
} from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { prng } from "../../support/prng.ts";
import { cuttingProxy } from "../../support/registry/answer_cutter.ts";
import {
  type Answer,
  bearerAnswer,
  configFor,
  partsOf,
  Servers,
} from "../../support/registry/hostile_registry.ts";
import { cutRequests } from "../../support/registry/request_cutter.ts";
import { outlastClient } from "../../support/registry/silent_server.ts";
import { UploadRegistry } from "../../support/registry/upload_registry.ts";

const MIB = 1024 ** 2;
const SAMPLE = sampleImage();
const LARGE = buildImage({
  layers: [[{ name: "large", content: prng(40).bytes(12 * MIB) }]],
  packing: "none",
});
const [READER, WRITER] = ["READER-1", "WRITER-1"] as const;
const portOf = (origin: string) => Number(new URL(origin).port);

/** Serves an image in the repository `app`, with ranges. */
function holds(
  image: BuiltImage,
  change: (bytes: Uint8Array<ArrayBuffer>, from: number) => Uint8Array<ArrayBuffer> = (bytes) =>
    bytes,
): Answer {
  const parts = partsOf(image);
  return (request, { pathname }) => {
    if (/^\/v2\/app\/manifests\/(1|sha256:.*)$/.test(pathname)) {
      return new Response(image.manifest, {
        headers: { "content-type": image.descriptor.mediaType },
      });
    }
    const digest = /^\/v2\/app\/blobs\/(.*)$/.exec(pathname)?.[1] ?? "";
    const bytes = parts.get(digest);
    if (bytes === undefined) return undefined;
    const from = Number(/^bytes=([0-9]+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const shown = digest === image.imageId ? bytes : change(bytes, from);
    return new Response(shown.slice(from), {
      status: from === 0 ? 200 : 206,
      headers: {
        etag: '"e"',
        ...(from === 0
          ? {}
          : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
      },
    });
  };
}

/** Copies from one origin to another, each with its own user. */
async function copy(
  from: string,
  to: string,
  more: Partial<ClientConfig> = { attempts: 5 },
): Promise<PushedImage> {
  const user = (password: string) => ({ kind: "basic", username: "user", password }) as const;
  using reader = new RegistryClient({
    ...configFor(from, { [from]: user(READER) }, more),
    registry: "from.example",
  });
  using writer = new RegistryClient({
    ...configFor(to, { [to]: user(WRITER) }, more),
    registry: "to.example",
  });
  return await copyImage(
    { client: reader, reference: parseReference("from.example/app:1") },
    { client: writer, reference: parseReference("to.example/app:1") },
  );
}

Deno.test("H29 copy: both sides are cut, and little is sent twice on either", async () => {
  await using servers = new Servers();
  const registry = new UploadRegistry();
  await using source = cuttingProxy(portOf(servers.start(holds(LARGE))), 3 * MIB);
  await using wire = cutRequests(portOf(servers.start(registry.answer)), 5 * MIB);
  const { digest } = await copy(`http://${source.host}`, `http://${wire.host}`);
  assertEquals(digest as string, LARGE.descriptor.digest);
  for (const [digest, bytes] of partsOf(LARGE)) assertEquals(registry.blobs.get(digest), bytes);
  assertEquals(registry.manifests.get("1"), LARGE.manifest);
  assert(source.cuts() >= 3 && wire.cuts() >= 2, `${source.cuts()} and ${wire.cuts()} cuts`);
  assert(wire.passed() <= 13.2 * MIB, `${wire.passed()} bytes sent`);
});

Deno.test("copy: other bytes from the source are detected, and no manifest is pushed", async () => {
  const other = (bytes: Uint8Array<ArrayBuffer>, at: number) => {
    const changed = bytes.slice();
    changed[at] = (changed[at] as number) ^ 1;
    return changed;
  };
  const cases: [code: string, cut: boolean, answer: Answer][] = [
    ["E_DIGEST", false, holds(LARGE, (bytes) => other(bytes, 5))],
    ["E_DIGEST", false, holds(LARGE, (bytes) => other(bytes, bytes.length - 1))],
    // Wrong bytes only after a resume.
    [
      "E_DIGEST",
      true,
      holds(LARGE, (bytes, from) => from === 0 ? bytes : other(bytes, bytes.length - 1)),
    ],
    ["E_SIZE", false, holds(LARGE, (bytes) => new Uint8Array([...bytes.subarray(0, 100)]))],
    ["E_DIGEST", false, holds(SAMPLE, (bytes) => other(bytes, 0))],
  ];
  for (const [i, [code, cut, answer]] of cases.entries()) {
    await using servers = new Servers();
    const registry = new UploadRegistry();
    const origin = servers.start(answer);
    await using source = cut ? cuttingProxy(portOf(origin), 3 * MIB) : null;
    const from = source === null ? origin : `http://${source.host}`;
    assertEquals(await codeOf(() => copy(from, servers.start(registry.answer))), code, `case ${i}`);
    assertEquals(registry.manifests.size, 0, `case ${i}`);
    for (const digest of registry.blobs.keys()) {
      assert(partsOf(i === 4 ? SAMPLE : LARGE).has(digest));
    }
  }
});

Deno.test("copy: a registry gets time to read and unpack the layers of a manifest", async () => {
  const { config, layers: [layer] } = JSON.parse(new TextDecoder().decode(SAMPLE.manifest));
  const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  const cases = [
    // Ten minutes for these, and for the next more than a timer counts.
    [6000, 6001].map((size) => ({ ...layer, digest: sha256Of(jsonBytes(size)), size: size * MIB })),
    [{ ...layer, mediaType: foreign, size: 2 ** 52 }],
  ];
  const idleTimeout = 500;
  for (const layers of cases) {
    const { mediaType } = SAMPLE.descriptor;
    const bytes = jsonBytes({ schemaVersion: 2, mediaType, config, layers });
    await using servers = new Servers();
    const from = servers.start(() =>
      new Response(bytes, { headers: { "content-type": mediaType } })
    );
    const to = servers.start(async ({ method }) => {
      if (method === "HEAD") return new Response("");
      await outlastClient(idleTimeout);
      return new Response("", { status: 201 });
    });
    // A busy machine may be late with the other answers: they are asked for again.
    const pushed = await copy(from, to, { attempts: 20, idleTimeout });
    assertEquals(pushed.digest as string, sha256Of(bytes));
    assertEquals(servers.seen.filter(({ method }) => method === "PUT").length, 1);
  }
});

Deno.test("copy: neither registry learns a secret of the other", async () => {
  await using servers = new Servers();
  const guarded = (token: string, answer: Answer): string => {
    const origin: string = servers.start(
      (_, { pathname }) => pathname === "/token" ? Response.json({ token }) : undefined,
      bearerAnswer(token, () => `${origin}/token`),
      answer,
    );
    return origin;
  };
  const registry = new UploadRegistry();
  const from = guarded("TOKEN-R", holds(SAMPLE));
  const to = guarded("TOKEN-W", registry.answer);
  await copy(from, to);
  assertEquals(registry.manifests.get("1"), SAMPLE.manifest);
  for (const secret of [READER, "TOKEN-R"]) assertEquals(servers.originsThatGot(secret), [from]);
  for (const secret of [WRITER, "TOKEN-W"]) assertEquals(servers.originsThatGot(secret), [to]);
});

Deno.test("copy: a part that is missing is an error before anything is sent", async () => {
  await using servers = new Servers();
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [SAMPLE.descriptor, describe(SAMPLE.descriptor.mediaType, jsonBytes("not here"))],
  });
  const from = servers.start((request, url) => {
    const name = /\/manifests\/(.*)$/.exec(url.pathname)?.[1];
    if (name === "1") {
      return new Response(index, {
        headers: { "content-type": JSON.parse(new TextDecoder().decode(index)).mediaType },
      });
    }
    if (name !== undefined && name !== SAMPLE.descriptor.digest) return undefined;
    return holds(SAMPLE)(request, url);
  });
  const registry = new UploadRegistry();
  const to = servers.start(registry.answer);
  const error = await copy(from, to).catch((error) => error);
  assertEquals(error.code, "E_MISSING");
  assertStringIncludes(error.message, sha256Of(jsonBytes("not here")));
  assertEquals(servers.seen.filter(({ origin }) => origin === to), []);
});

Deno.test("copy: a source that always breaks is given up, and the upload is not restarted", async () => {
  await using servers = new Servers();
  const registry = new UploadRegistry();
  const origin = servers.start((request, url) => {
    const whole = holds(LARGE)(request, url) as Response | undefined;
    if (!url.pathname.includes("/blobs/") || url.pathname.endsWith(LARGE.imageId)) return whole;
    // Short of its length, and so the connection is cut; what came the first time is all that ever comes.
    const first = request.headers.get("range") === null ? [new Uint8Array(2 * MIB)] : [];
    const headers = new Headers(whole!.headers);
    headers.set(
      "content-length",
      `${LARGE.layers[0]!.blob.length - (first.length > 0 ? 0 : 2 * MIB)}`,
    );
    return new Response(ReadableStream.from(first), { status: whole!.status, headers });
  });
  const to = servers.start(registry.answer);
  assertEquals(await codeOf(() => copy(origin, to)), "E_REGISTRY");
  const layer = LARGE.layers[0]!.descriptor.digest;
  const asked = servers.seen.filter(({ path }) => path === `/v2/app/blobs/${layer}`);
  assertEquals(asked.filter((one) => one.origin === origin).length, 6);
  assertEquals(registry.manifests.size, 0);
});
