/** `varve registry serve` as a process: how it begins, how it ends, and what a kill leaves. */
import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Api, BLOB, NAME, pushSample, textBytes, withDigest } from "../conformance/registry_api.ts";
import { Cli } from "../support/cli/cli.ts";
import { type ServedStore, servedStore } from "../support/registry/served_store.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { stateOf } from "../support/cli/store_state.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** MiB of a blob that is larger than what a process may have. */
const PIECES = 400;

/** Begins an upload whose bytes never end. */
async function hangingUpload({ url, port }: ServedStore): Promise<Deno.TcpConn> {
  const address = new URL(await new Api(url).begin(NAME));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [
    `PATCH ${address.pathname} HTTP/1.1`,
    "host: localhost",
    `content-length: ${2 ** 30}`,
    "",
    "",
  ].join("\r\n");
  await connection.write(textBytes(`${head}${"x".repeat(100_000)}`));
  return connection;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`registry serve: ${signal} ends it cleanly during uploads and pulls`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await using server = await servedStore(root);
    const api = new Api(server.url);
    await pushSample(api);
    await api.pushBlob(NAME, BLOB);
    using _upload = await hangingUpload(server);
    const large = await api.pushBlob(NAME, new Uint8Array(32 * 2 ** 20));
    using pull = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await pull.write(
      textBytes(`GET /v2/${NAME}/blobs/${large.digest} HTTP/1.1\r\nhost: l\r\n\r\n`),
    );
    assertEquals(await server.end(signal), { code: 0, signal: null, stderr: "" });
    const { images, files } = await stateOf(root) as { images: string; files: string[] };
    assertEquals(JSON.parse(images).map(({ name }: { name: string }) => name), [
      "docker.io/team/app:1",
    ]);
    assertEquals(files.filter((path) => path.startsWith("/ingest/")), []);
  });
}

Deno.test("registry serve: a kill during a push leaves the complete image or nothing", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const cli = new Cli(root);
  const first = await servedStore(root);
  const { image } = await pushSample(new Api(first.url));
  await first.end("SIGTERM");
  const before = await stateOf(root);
  const other = sampleImage({ packing: "gzip", config: { author: "other" } });
  const blobs = [...other.layers.map(({ blob }) => blob), other.config];
  for (const stage of ["a blob", "all blobs", "a manifest on its way", "a manifest"] as const) {
    const server = await servedStore(root);
    using _upload = await hangingUpload(server);
    const api = new Api(server.url);
    for (const blob of stage === "a blob" ? blobs.slice(0, 1) : blobs) {
      await api.pushBlob("team/other", blob);
    }
    if (stage.startsWith("a manifest")) {
      const put = api.put("team/other", "1", other.manifest);
      if (stage === "a manifest") assertEquals((await put).status, 201);
      else put.catch(() => {});
    }
    assertEquals((await server.end("SIGKILL")).signal, "SIGKILL");
    const names = (await cli.json(["images"])).map(({ name }: { name: string }) => name);
    if (names.length === 1) {
      assertEquals(stage === "a manifest", false, stage);
      // Opening the store has removed what was on its way.
      assertEquals(await stateOf(root), before, stage);
    } else {
      assertEquals(stage.startsWith("a manifest"), true, stage);
      assertEquals(names, ["docker.io/team/app:1", "docker.io/team/other:1"]);
      assertEquals(await cli.text(["cat", "team/other:1:/data/small"]), "s");
    }
  }
  await using again = await servedStore(root);
  const api = new Api(again.url);
  for (const one of [image, other]) {
    for (const { descriptor, blob } of one.layers) {
      const reply = await api.send("GET", `/v2/${NAME}/blobs/${descriptor.digest}`);
      assertEquals(reply.bytes, blob);
    }
  }
});

Deno.test("registry serve: prints one line, and refuses some addresses", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("store"), { args: ["--read-only"] });
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:[0-9]+$/);
  const listen = (address: string, ...more: string[]) =>
    server.cli.any(["registry", "serve", "--listen", address, ...more]);
  const outside = await listen("0.0.0.0:0");
  assertEquals(outside.code, 2);
  assertStringIncludes(outside.stderr, "there is no authentication");
  assertStringIncludes(outside.stderr, "--any-address");
  const taken = await listen(server.host, "--format", "json");
  const { error } = JSON.parse(taken.stderr);
  assertEquals([taken.code, error.code, error.message], [
    6,
    "E_BUSY",
    `Cannot listen on ${server.host}: the port is taken`,
  ]);
  assertEquals((await listen("nowhere")).code, 2);
  assertStringIncludes(await server.cli.text(["registry", "serve", "--help"]), "--read-only");
});

Deno.test("registry serve: memory does not grow with the size of blobs", async () => {
  await using temp = await tempDir("varve-test-", "/var/tmp");
  await using server = await servedStore(temp.join("store"));
  const api = new Api(server.url);
  const piece = new Uint8Array(2 ** 20);
  const hasher = createHash("sha256");
  for (let at = 0; at < PIECES; at++) hasher.update(piece);
  const digest = `sha256:${hasher.digest("hex")}`;
  const push = async () => {
    const address = withDigest(await api.begin(NAME), digest);
    let left = PIECES;
    const body = new ReadableStream({
      pull: (controller) => left-- > 0 ? controller.enqueue(piece) : controller.close(),
    });
    const reply = await fetch(address, { method: "PUT", body });
    await reply.body?.cancel();
    assertEquals(reply.status, 201);
  };
  const pull = async () => {
    const reply = await fetch(`${server.url}/v2/${NAME}/blobs/${digest}`);
    let size = 0;
    for await (const bytes of reply.body ?? []) size += bytes.length;
    assertEquals(size, PIECES * piece.length);
  };
  await Promise.all([push(), push()]);
  // One who takes nothing is in nobody's way.
  const idle = await fetch(`${server.url}/v2/${NAME}/blobs/${digest}`);
  await Promise.all([pull(), pull(), push()]);
  await idle.body?.cancel();
  const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
  const peak = Number(/VmHWM:\s*([0-9]+) kB/.exec(status)?.[1]) / 1024;
  assert(peak < 300, `${peak} MiB`);
});
