/** Uploads that break, are refused, or must be chunked. */
import { assert, assertEquals } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { parseReference } from "../../../lib/oci/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { Transport } from "../../../lib/registry/client/transport.ts";
import { pushImage, RegistryClient } from "../../../lib/registry/mod.ts";
import { openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { prng } from "../../support/prng.ts";
import { configFor, Servers } from "../../support/registry/hostile_registry.ts";
import { cutRequests, type RequestCutter } from "../../support/registry/request_cutter.ts";
import { outlastClient } from "../../support/registry/silent_server.ts";
import { UploadRegistry, type UploadRules } from "../../support/registry/upload_registry.ts";

const MIB = 1024 ** 2;
const bytes = prng(30).bytes(24 * MIB + 17);
const blob = { digest: sha256(bytes), size: bytes.length };

const portOf = (origin: string) => Number(new URL(origin).port);

/** The outcome of an upload: what the registry holds, and the offsets from which the blob was opened. */
interface Sent {
  readonly registry: UploadRegistry;
  readonly outcome: string;
  readonly opened: readonly number[];
}

async function send(
  rules: UploadRules,
  cut?: (port: number) => RequestCutter,
  judge: (cutter: RequestCutter) => void = () => {},
): Promise<Sent> {
  await using servers = new Servers();
  const registry = new UploadRegistry(rules);
  const origin = servers.start(registry.answer);
  await using cutter = cut?.(portOf(origin)) ?? null;
  const at = cutter === null ? origin : `http://${cutter.host}`;
  const user = { kind: "basic", username: "user", password: "PASSWORD-1" } as const;
  using client = new RegistryClient(configFor(at, { [at]: user }, { attempts: 5 }));
  const opened: number[] = [];
  const outcome = await client.uploadBlob("app", {
    blob,
    open: (from) => {
      opened.push(from);
      return Promise.resolve(piecesOf(bytes.subarray(from)));
    },
  });
  if (cutter !== null) judge(cutter);
  return { registry, outcome, opened };
}

function piecesOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += 256 * 1024));
    },
  }, { highWaterMark: 0 });
}

Deno.test("H30 upload: one stream when nothing breaks", async () => {
  const { registry, outcome, opened } = await send({});
  assertEquals([outcome, opened], ["uploaded", [0]]);
  assertEquals(registry.patches, [blob.size]);
  assertEquals(registry.blobs.get(blob.digest), bytes);
});

Deno.test("H30 upload: a cut upload resumes where it broke, and little is sent twice", async () => {
  const { registry, outcome, opened } = await send(
    {},
    (port) => cutRequests(port, 5 * MIB),
    (cutter) => {
      assert(cutter.cuts() >= 4, `${cutter.cuts()} cuts`);
      assert(cutter.passed() <= 1.1 * blob.size, `${cutter.passed()} of ${blob.size} bytes`);
    },
  );
  assertEquals(outcome, "uploaded");
  assertEquals(registry.blobs.get(blob.digest), bytes);
  assert(opened.length >= 5, `${opened}`);
});

Deno.test("H30 upload: a registry that drops incomplete chunks gets smaller ones", async () => {
  const { registry } = await send({ dropsCut: true }, (port) => cutRequests(port, 5 * MIB));
  assertEquals(registry.blobs.get(blob.digest), bytes);
  assert(registry.patches.every((length) => length <= 5 * MIB), `${registry.patches}`);
});

Deno.test("H30 upload: a lost upload restarts, up to the limit", async () => {
  const { registry } = await send({ losesCut: true }, (port) => cutRequests(port, 20 * MIB, 2));
  assertEquals(registry.blobs.get(blob.digest), bytes);
  let cuts = 0;
  const code = await codeOf(() =>
    send({ losesCut: true }, (port) => {
      const cutter = cutRequests(port, MIB);
      cuts = 0;
      return {
        ...cutter,
        async [Symbol.asyncDispose]() {
          cuts = cutter.cuts();
          await cutter[Symbol.asyncDispose]();
        },
      };
    })
  );
  assertEquals([code, cuts], ["E_REGISTRY", 5]);
});

Deno.test("H30 upload: a registry that claims more bytes than were sent is not believed", async () => {
  const { registry, opened } = await send(
    { boasts: 10 * MIB },
    (port) => cutRequests(port, 5 * MIB, 1),
  );
  assertEquals(registry.blobs.get(blob.digest), bytes);
  assertEquals(opened, [0, 0]);
});

Deno.test("H30 upload: when the last answer is lost, the blob is looked up and not sent again", async () => {
  const { registry, opened } = await send({ closesWith: 503 });
  assertEquals([registry.closed, opened], [1, [0]]);
});

Deno.test("H30 upload: chunks have the minimum length that the registry names; one stream where that is too long", async () => {
  const lengths = async (least: number) => (await send({ least })).registry.patches;
  assertEquals(await lengths(5 * MIB), [16 * MIB, 8 * MIB + 17]);
  assertEquals(await lengths(20 * MIB), [20 * MIB, 4 * MIB + 17]);
  assertEquals(await lengths(2 ** 49), [blob.size]);
});

Deno.test("H30 upload: a registry that refuses a stream gets chunks", async () => {
  for (const refusesStream of [411, 413]) {
    const { registry } = await send({ refusesStream });
    assertEquals(registry.patches, [16 * MIB, 8 * MIB + 17]);
    assertEquals(registry.blobs.get(blob.digest), bytes);
  }
});

Deno.test("H30 upload: a registry that refuses long chunks gets short ones", async () => {
  const { registry } = await send({ most: 5 * MIB });
  assertEquals(Math.max(...registry.patches), 4 * MIB);
  assertEquals(registry.blobs.get(blob.digest), bytes);
});

Deno.test("H30 upload: the token expires in the middle, or the registry is full for a moment", async () => {
  const challenge = { "www-authenticate": 'Basic realm="r"' };
  const { opened } = await send({
    firstPatch: () => new Response("", { status: 401, headers: challenge }),
  });
  assertEquals(opened, [0, 0]);
  const busy = await send({ firstPatch: () => new Response("", { status: 503 }) });
  assertEquals(busy.registry.blobs.get(blob.digest), bytes);
});

Deno.test("H30 upload: errors of a registry that stays full or refuses", async () => {
  const errors: [number, string][] = [[507, "E_REGISTRY"], [403, "E_DENIED"], [409, "E_REGISTRY"]];
  for (const [status, code] of errors) {
    const words = { errors: [{ code: "DENIED", message: "no room" }] };
    const error = await send({ firstPatch: () => Response.json(words, { status }) })
      .catch((error) => error);
    assertEquals([error.code, error.message.includes(`answers ${status} (DENIED: no room)`)], [
      code,
      true,
    ]);
  }
});

Deno.test("H30 push: every k-th request fails once, or its answer is lost", async () => {
  await using store = await storeOf(bytes.slice(0, 3 * MIB));
  const record = store.images.get("r.example/app:1")!;
  // One blob at a time, so that the same requests fail in every run.
  const cases = [4, 5, 7].flatMap((k) => [[k, false], [k, true]] as const);
  for (const [k, taken] of cases) {
    await using servers = new Servers();
    const registry = new UploadRegistry();
    let asked = 0;
    const origin = servers.start(async (request, url) => {
      const fails = ++asked % k === 0;
      const answer = fails && !taken ? undefined : await registry.answer(request, url);
      if (!request.bodyUsed) await request.body?.cancel();
      return fails ? new Response("", { status: 503 }) : answer;
    });
    using client = new RegistryClient(configFor(origin, {}, { attempts: 5 }));
    const pushed = await pushImage(store, record, parseReference("r.example/app:1"), {
      client,
      concurrency: 1,
    });
    assertEquals(
      [...registry.blobs.keys()].sort(),
      pushed.blobs.map(({ digest }) => digest).sort(),
    );
    assertEquals([...registry.manifests.keys()], ["1"]);
  }
});

Deno.test("H30 upload: a registry that never names an offset gets the whole blob again", async () => {
  const { registry, opened } = await send(
    { hidesPlace: true },
    (port) => cutRequests(port, 5 * MIB, 2),
  );
  assertEquals(registry.blobs.get(blob.digest), bytes);
  assertEquals([...new Set(opened)], [0]);
});

Deno.test("H30 upload: a registry gets more time to close a longer upload", async () => {
  await using servers = new Servers();
  const idleTimeout = 1000;
  const registry = new UploadRegistry({ beforeClose: () => outlastClient(idleTimeout) });
  using client = new RegistryClient(configFor(servers.start(registry.answer), {}, { idleTimeout }));
  const part = bytes.subarray(0, MIB);
  await client.uploadBlob("app", {
    blob: { digest: sha256(part), size: part.length },
    open: (from) => Promise.resolve(piecesOf(part.subarray(from))),
  });
  assertEquals(registry.closed, 1);
  assertEquals(servers.seen.filter(({ method }) => method === "GET"), []);
});

Deno.test("H30 extraTime prolongs the time-out of one request only", async () => {
  await using servers = new Servers();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const origin = servers.start(async () => {
    await released;
    return new Response("");
  });
  const config = configFor(origin, {}, { idleTimeout: 200, attempts: 1 });
  using transport = new Transport(config);
  const ask = async (extraTime: number) => {
    const request = { method: "GET", path: "/", scope: "", action: "wait", extraTime };
    const { response } = await transport.send(config.endpoints[0]!, request);
    await response.body?.cancel();
    return response.status;
  };
  const patient = ask(10 * 60_000).catch((error) => error);
  // The second request begins later and times out; the first one still waits.
  assertEquals(await codeOf(() => ask(0)), "E_REGISTRY");
  release();
  assertEquals(await patient, 200);
});

Deno.test("H30 upload: when the blob's own stream fails, nothing is retried", async () => {
  await using servers = new Servers();
  const registry = new UploadRegistry();
  using client = new RegistryClient(configFor(servers.start(registry.answer)));
  let opened = 0;
  const error = new RangeError("broken");
  const got = await client.uploadBlob("app", {
    blob,
    open: () => {
      opened++;
      return Promise.resolve(
        new ReadableStream({
          pull: (controller) => controller.error(error),
        }),
      );
    },
  }).catch((error) => error);
  assertEquals([got, opened, registry.blobs.size], [error, 1, 0]);
});

async function storeOf(layer: Uint8Array<ArrayBuffer>): Promise<Store> {
  const image = buildImage({ layers: [[{ name: "large", content: layer }]], packing: "none" });
  const store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const archive = ReadableStream.from([archiveTar(ociFiles([image]))]);
  await loadImages(store, archive, { pool, name: "r.example/app:1" });
  return store;
}

Deno.test("H30 push: the upload of a stored layer resumes where it broke", async () => {
  await using store = await storeOf(bytes.slice(0, 12 * MIB));
  await using servers = new Servers();
  const registry = new UploadRegistry();
  await using cutter = cutRequests(portOf(servers.start(registry.answer)), 5 * MIB);
  using client = new RegistryClient(configFor(`http://${cutter.host}`));
  const record = store.images.get("r.example/app:1")!;
  const pushed = await pushImage(store, record, parseReference("r.example/app:1"), { client });
  const size = pushed.blobs.reduce((sum, blob) => sum + blob.size, 0);
  assert(cutter.cuts() >= 2, `${cutter.cuts()} cuts`);
  assert(cutter.passed() <= 1.1 * size, `${cutter.passed()} of ${size} bytes`);
  for (const { digest } of pushed.blobs) {
    assertEquals(registry.blobs.get(digest), new Uint8Array(await store.blobs.read(digest, 1e9)));
  }
  assertEquals(registry.manifests.size, 1);
});
