/** Hostile and failing clients of varve's registry. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type RegistryServer, serveRegistry } from "../../../lib/registry_server/mod.ts";
import { openMemoryStore, openStore, type Store } from "../../../lib/store/mod.ts";
import {
  Api,
  BLOB,
  BLOB_DIGEST,
  codeOf,
  CONFIG,
  INDEX,
  jsonOf,
  MANIFEST,
  NAME,
  NOTHING,
  OCTETS,
  pushSample,
  type Reply,
  textBytes,
  withDigest,
} from "../../conformance/registry_api.ts";
import { describe, jsonBytes, pack, sha256Of } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { stopTimers } from "../../support/machine/stop_timers.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { DEADLINE, within } from "../../support/machine/wait.ts";
import { requestHead, sendRaw } from "../../support/registry/raw_http.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

/** A registry over an empty store in memory. */
async function served(
  options: Parameters<typeof serveRegistry>[1] = {},
): Promise<{ api: Api; store: Store; server: RegistryServer } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(openMemoryStore());
  const server = stack.use(await serveRegistry(store, options));
  const all = stack.move();
  const dispose = () => all.disposeAsync();
  return { api: new Api(server.url), store, server, [Symbol.asyncDispose]: dispose };
}

Deno.test("served: no path leads out of the registry", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: temp.join("store"), durability: "none" });
  await using server = await serveRegistry(store);
  const api = new Api(server.url);
  const outside = temp.join("outside");
  await Deno.writeTextFile(outside, "secret");
  const names = () => [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
  const before = names();
  const up = "../../../../../../../../../..";
  const escaped = "%2e%2e%2f".repeat(10);
  const half = "..%2f".repeat(10);
  for (
    const path of [
      `${outside}`,
      `/v2/${up}${outside}`,
      `/v2/${up}${outside}/manifests/1`,
      `/v2/${escaped}${outside.slice(1)}/tags/list`,
      `/v2/team/app/manifests/${half}${outside.slice(1)}`,
      `/v2/team/app/manifests/${up}${outside}`,
      `/v2/team/app/blobs/${escaped}${outside.slice(1)}`,
      `/v2/team/app/blobs/sha256:${half}${outside.slice(1)}`,
      `/v2/team/app/blobs/uploads/${half}${outside.slice(1)}`,
      `/v2/team/app/blobs/uploads/${up}${outside}`,
      "/v2/team/app/blobs/uploads/0",
      "/v2/team/app/blobs/uploads/.",
      "/v2/team/app/blobs/uploads/%00",
      "/v2/team/%00/manifests/1",
      "/v2/team/app/manifests/%",
      "/v2/team//app/manifests/1",
      "http://example.org/v2/team/app/manifests/1",
      "*",
      "/",
    ]
  ) {
    for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
      const answer = await sendRaw(server.port, requestHead(method, path, "content-length: 0"));
      assertMatch(answer, /^HTTP\/1\.1 40[045] /, `${method} ${path}`);
      assertEquals(answer.includes("secret"), false, path);
    }
  }
  const id = (await api.begin(NAME)).split("/").at(-1);
  const elsewhere = await api.send("GET", `/v2/other/app/blobs/uploads/${id}`);
  assertEquals([elsewhere.status, codeOf(elsewhere)], [404, "BLOB_UPLOAD_UNKNOWN"]);
  assertEquals(names(), before);
  assertEquals(await Deno.readTextFile(outside), "secret");
});

Deno.test("served: malformed, too long or ambiguous HTTP ends only its own connection", async () => {
  await using own = await served();
  const { port } = own.server;
  for (
    const text of [
      "\x16\x03\x01\x02\x00\x01\x00\x01",
      "GET\r\n\r\n",
      requestHead("GET", "/v2/", "transfer-encoding: chunked", "content-length: 5") + "0\r\n\r\n",
      requestHead("GET", "/v2/", "content-length: 1", "content-length: 2"),
      requestHead("GET", "/v2/", `x: ${"x".repeat(200_000)}`),
      requestHead("GET", `/v2/${"x".repeat(200_000)}`),
      requestHead("GET", "/v2/", "x: a\r\n b: \0"),
    ]
  ) {
    const answer = await sendRaw(port, text);
    assert(answer === "" || /^HTTP\/1\.1 4/.test(answer), answer.slice(0, 100));
  }
  assertEquals((await own.api.send("GET", "/v2/")).status, 200);
});

Deno.test("served: a client that sends nothing is disconnected", async () => {
  {
    await using impatient = await served({ headersTimeout: 100 });
    const half = await sendRaw(impatient.server.port, "GET /v2/ HTTP/1.1\r\nhost: l");
    assertMatch(half, /^$|^HTTP\/1\.1 408 /);
  }
  // It is asked for at each request.
  const limits = { idleTimeout: 100 };
  await using own = await served(limits);
  const { api, server } = own;
  const address = new URL(await api.begin(NAME)).pathname;
  const slow = await sendRaw(
    server.port,
    requestHead("PATCH", address, "content-length: 25") + "Hello",
  );
  assertMatch(slow, /^$|^HTTP\/1\.1 408 /);
  // The bytes that came are kept, and the upload resumes. A busy machine may be slow.
  limits.idleTimeout = DEADLINE;
  const status = await api.send("GET", address);
  assertEquals(status.headers.get("range"), "0-4");
  const rest = { headers: { ...OCTETS.headers, "content-range": "5-24" }, body: BLOB.slice(5) };
  assertEquals((await api.send("PATCH", address, rest)).status, 202);
  const end = await api.send("PUT", withDigest(api.location(status), BLOB_DIGEST));
  assertEquals(end.status, 201);
});

Deno.test("served: requests of web pages are refused", async () => {
  await using own = await served();
  const { port } = own.server;
  const asked = (...headers: string[]) =>
    sendRaw(port, ["GET /v2/ HTTP/1.1", "connection: close", ...headers, "", ""].join("\r\n"));
  assertMatch(await asked("host: evil.example"), /^HTTP\/1\.1 403 /);
  assertMatch(await asked("host: 127.0.0.1.evil.example:5000"), /^HTTP\/1\.1 403 /);
  assertMatch(await asked("host: localhost", "origin: http://localhost:8000"), /^HTTP\/1\.1 403 /);
  assertMatch(await asked("host: localhost"), /^HTTP\/1\.1 200 /);
});

Deno.test("served: a manifest that is too long is refused before its body is read", async () => {
  const limits = { idleTimeout: 100 };
  await using own = await served(limits);
  const path = `/v2/${NAME}/manifests/1`;
  const said = await sendRaw(
    own.server.port,
    requestHead("PUT", path, "content-length: 999999999999"),
  );
  assertMatch(said, /^HTTP\/1\.1 413 /);
  // Without a length it is read up to the limit. A busy machine may be slow to send it.
  limits.idleTimeout = DEADLINE;
  const chunk = `100000\r\n${"x".repeat(2 ** 20)}\r\n`;
  const endless = Array.from({ length: 24 }, () => chunk);
  const cut = await sendRaw(
    own.server.port,
    requestHead("PUT", path, "transfer-encoding: chunked"),
    ...endless,
    "0\r\n\r\n",
  );
  assertMatch(cut, /^HTTP\/1\.1 413 /);
  assertEquals((await own.api.send("GET", path)).status, 404);
});

Deno.test("served: a blob that is too long is refused, and none of its bytes are kept", async () => {
  await using own = await served({ maxBlobBytes: 10 });
  const reply = await own.api.send("PUT", withDigest(await own.api.begin(NAME), BLOB_DIGEST), {
    ...OCTETS,
    body: BLOB,
  });
  assertEquals([reply.status, codeOf(reply)], [413, "SIZE_INVALID"]);
  assertEquals((await own.api.send("HEAD", `/v2/${NAME}/blobs/${BLOB_DIGEST}`)).status, 404);
});

Deno.test("served: the server does not wait for a client that leaves after a refusal", async () => {
  // Otherwise the server would wait for the rest until a time-out.
  using _ = stopTimers();
  const own = await served({ maxBlobBytes: 10 });
  const address = new URL(await own.api.begin(NAME)).pathname;
  {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: own.server.port });
    const request = requestHead("PATCH", address, "content-length: 100000") + "x".repeat(1000);
    await connection.write(textBytes(request));
    const bytes = new Uint8Array(1000);
    const said = new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
    assertMatch(said, /^HTTP\/1\.1 413 /);
  }
  await within("the end of the server", own[Symbol.asyncDispose]());
});

/** Pushes an image of one layer, with the given diffID, size and config. */
async function pushOne(
  api: Api,
  { tar = tarOf([{ name: "a", content: "a" }]), diffId, size, config }: {
    readonly tar?: Uint8Array<ArrayBuffer>;
    readonly diffId?: string;
    readonly size?: number;
    readonly config?: unknown;
  },
): Promise<Reply> {
  const layer = describe("application/vnd.oci.image.layer.v1.tar+gzip", pack(tar, "gzip"));
  await api.pushBlob(NAME, pack(tar, "gzip"));
  const document = jsonBytes(
    config ?? {
      os: "linux",
      architecture: "amd64",
      rootfs: { type: "layers", diff_ids: [diffId ?? sha256Of(tar)] },
    },
  );
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await api.pushBlob(NAME, document, CONFIG),
    layers: [{ ...layer, size: size ?? layer.size }],
  });
  return await api.put(NAME, "1", manifest);
}

Deno.test("served: an image with a wrong claim is refused as a whole", async () => {
  await using own = await served();
  const { api, store } = own;
  for (
    const [what, lie] of [
      ["a diffID of another tar", { diffId: NOTHING }],
      ["a layer of another size", { size: 5 }],
      ["a layer that leads out", { tar: tarOf([{ name: "../../etc/passwd", content: "x" }]) }],
      ["a layer that is no tar", { tar: textBytes("x".repeat(2000)) }],
      ["a cut layer", { tar: tarOf([{ name: "a", content: "a".repeat(2000) }]).slice(0, 1024) }],
    ] as const
  ) {
    const reply = await pushOne(api, lie);
    assertEquals([reply.status, codeOf(reply)], [400, "MANIFEST_INVALID"], what);
    assertEquals((await api.send("GET", `/v2/${NAME}/manifests/1`)).status, 404, what);
    assertEquals([store.images.list(), [...store.layers.list()]], [[], []], what);
  }
  // The failed push does not prevent a valid one.
  assertEquals((await pushOne(api, {})).status, 201);
});

Deno.test("served: a manifest that the store lost is a server error", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: temp.join("store"), durability: "none" });
  const errors: unknown[] = [];
  await using server = await serveRegistry(store, { onError: (error) => errors.push(error) });
  const api = new Api(server.url);
  const { image } = await pushSample(api);
  const { digest } = image.descriptor;
  await Deno.remove(temp.join("store", "content", "blobs", digest.replace(":", "/")));
  for (const reference of ["1", digest]) {
    const reply = await api.send("GET", `/v2/${NAME}/manifests/${reference}`);
    assertEquals([reply.status, codeOf(reply)], [500, "UNKNOWN"]);
  }
  assertEquals(errors.map((error) => (error as { code: string }).code), ["E_DAMAGE", "E_DAMAGE"]);
});

Deno.test("served: documents that are malformed or nested too deep", async () => {
  await using own = await served();
  const deep = `{"schemaVersion":2,"mediaType":"${MANIFEST}","a":${"[".repeat(100_000)}`;
  for (const text of ["", "null", "[]", "{}", "{", deep, '{"schemaVersion":1}', "\xff\xfe"]) {
    const reply = await own.api.put(NAME, "1", textBytes(text));
    assertEquals([reply.status, codeOf(reply)], [400, "MANIFEST_INVALID"], text.slice(0, 40));
  }
  const many = jsonBytes({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: Array.from({ length: 5000 }, (_, at) => ({
      mediaType: MANIFEST,
      digest: sha256Of(String(at)),
      size: 1,
    })),
  });
  const reply = await own.api.put(NAME, "1", many, INDEX);
  assert(reply.status === 400 || reply.status === 404, String(reply.status));
  assert(jsonOf(reply.bytes).errors.length <= 100);
});

Deno.test("served: many clients upload the same blob and push the same image at once", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: temp.join("store"), durability: "none" });
  await using server = await serveRegistry(store);
  const api = new Api(server.url);
  const image = sampleImage();
  const clients = Array.from({ length: 8 }, (_, at) => at);
  await Promise.all(clients.map(async () => {
    for (const { blob } of image.layers) await api.pushBlob(NAME, blob);
    await api.pushBlob(NAME, image.config);
  }));
  const replies = await Promise.all(
    clients.map((at) => api.put(NAME, at % 2 === 0 ? "same" : `own-${at}`, image.manifest)),
  );
  assertEquals(replies.map(({ status }) => status), clients.map(() => 201));
  const tags = await api.send("GET", `/v2/${NAME}/tags/list`);
  assertEquals(jsonOf(tags.bytes).tags, ["own-1", "own-3", "own-5", "own-7", "same"]);
  for (const { blob, descriptor } of image.layers) {
    assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${descriptor.digest}`)).bytes, blob);
  }
  assertEquals(store.images.list().length, 5);
});

Deno.test("served: pulls go on while pushes hang", async () => {
  await using own = await served();
  const { api, server } = own;
  const { image } = await pushSample(api);
  const hanging = await Promise.all(Array.from({ length: 50 }, async (_, at) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const path = at % 2 === 0
      ? new URL(await api.begin(NAME)).pathname
      : `/v2/${NAME}/manifests/slow-${at}`;
    const request = requestHead(at % 2 === 0 ? "PATCH" : "PUT", path, "content-length: 1000");
    await connection.write(new TextEncoder().encode(`${request}{`));
    return connection;
  }));
  try {
    const got = await api.send("GET", `/v2/${NAME}/manifests/1`);
    assertEquals(got.bytes, image.manifest);
    for (const { blob, descriptor } of image.layers) {
      assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${descriptor.digest}`)).bytes, blob);
    }
    await pushSample(api, "other/app");
  } finally {
    for (const connection of hanging) connection.close();
  }
});

Deno.test("served: a client that leaves in the middle of a pull is forgotten", async () => {
  await using own = await served();
  const { api, server } = own;
  const large = new Uint8Array(32 * 2 ** 20).fill(7);
  const { digest } = await api.pushBlob(NAME, large);
  for (let at = 0; at < 20; at++) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(textBytes(requestHead("GET", `/v2/${NAME}/blobs/${digest}`)));
    await connection.read(new Uint8Array(1000));
  }
  const whole = await api.send("GET", `/v2/${NAME}/blobs/${digest}`);
  assertEquals(sha256Of(whole.bytes), digest);
  // The blob can be dropped, so no request reads it any more.
  assertEquals((await api.send("DELETE", `/v2/${NAME}/blobs/${digest}`)).status, 202);
});

Deno.test("served: a read-only registry refuses all changes", async () => {
  await using own = await served({ readOnly: true });
  for (
    const [method, path] of [
      ["POST", `/v2/${NAME}/blobs/uploads/`],
      ["PUT", `/v2/${NAME}/manifests/1`],
      ["DELETE", `/v2/${NAME}/manifests/1`],
      ["PATCH", `/v2/${NAME}/blobs/uploads/1`],
    ] as const
  ) {
    const reply = await own.api.send(method, path, { body: BLOB });
    assertEquals([reply.status, codeOf(reply)], [405, "UNSUPPORTED"], method);
  }
});

Deno.test("served: it listens for other machines only when asked to", async () => {
  await using store = openMemoryStore();
  for (const hostname of ["0.0.0.0", "::", "example.org"]) {
    const error = await serveRegistry(store, { hostname }).catch((error) => error);
    assertEquals(error.code, "E_USAGE");
    assertStringIncludes(error.message, `Cannot listen on ${hostname}: other machines reach it`);
  }
  await using server = await serveRegistry(store, { hostname: "0.0.0.0", anyAddress: true });
  assertMatch(
    await sendRaw(server.port, "GET /v2/ HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"),
    /^HTTP\/1\.1 200 /,
  );
  const taken = await serveRegistry(store, { port: server.port }).catch((error) => error);
  assertEquals(taken.code, "E_BUSY");
});
