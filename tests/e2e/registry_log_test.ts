/** What `varve registry serve` writes about requests. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Api, BLOB, NAME, pushSample, textBytes } from "../conformance/registry_api.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { type ServedStore, servedStore } from "../support/registry/served_store.ts";

/** Sends a request byte by byte as it is given, and waits for the end of the answer. */
async function raw({ port }: ServedStore, line: string, headers = ""): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const text = `${line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}\r\n`;
  await connection.write(textBytes(text));
  return await new Response(connection.readable).text();
}

Deno.test("registry serve: each request is a line of JSON, without queries and headers", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("store"), { args: ["--log", "json"] });
  const api = new Api(server.url);
  const { image } = await pushSample(api);
  const blob = await api.pushBlob(NAME, BLOB);
  const secret = "s3cr3t";
  await raw(server, `GET /v2/?access_token=${secret}`, `authorization: Bearer ${secret}\r\n`);
  await raw(server, `GET http://user:${secret}@localhost/v2/_catalog?n=1#${secret}`);
  await raw(server, `GET /v2/%c2%9b31m%1b[31m/manifests/1`);
  await raw(server, `GET /v2/${"x".repeat(20_000)}`);
  const { stderr } = await server.end("SIGTERM");
  assertEquals(stderr.includes(secret), false, stderr);
  assertEquals(/[^\n\x20-\x7e]/.test(stderr), false, stderr);
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const line of lines) {
    assertEquals(Object.keys(line), [
      ...["time", "level", "event", "remote", "method", "path", "status", "bytes", "ms"],
    ]);
    assertMatch(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assertMatch(line.remote, /^127\.0\.0\.1:\d+$/);
    assert(line.ms >= 0 && line.path.length <= 1000);
  }
  const told = lines.map(({ method, path, status, bytes }) =>
    `${method} ${path} ${status} ${bytes}`
  );
  const size = image.manifest.length;
  assert(told.includes(`PUT /v2/${NAME}/manifests/1 201 ${size}`), told.join("\n"));
  assert(told.some((line) => line.endsWith(` 201 ${BLOB.length}`)), told.join("\n"));
  assertEquals(blob.digest.startsWith("sha256:"), true);
  const [base, list, hostile] = lines.slice(-4);
  assertEquals([base.path, base.status], ["/v2/", 200]);
  assertEquals([list.path, list.status], ["/v2/_catalog", 404]);
  assertEquals([hostile.level, hostile.status], ["info", 400]);
});

Deno.test("registry serve: the log is text by default; an answer that was cut is told", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("store"), { args: ["--log", "text"] });
  const api = new Api(server.url);
  const large = await api.pushBlob(NAME, new Uint8Array(32 * 2 ** 20));
  using pull = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await pull.write(
    textBytes(`GET /v2/${NAME}/blobs/${large.digest} HTTP/1.1\r\nhost: localhost\r\n\r\n`),
  );
  await pull.read(new Uint8Array(100));
  await raw(server, "GET /v2/a=b%20c%9b");
  const { stderr } = await server.end("SIGTERM");
  const time = "\\S+Z info request remote=127\\.0\\.0\\.1:\\d+";
  assertMatch(stderr, new RegExp(`^${time} method=POST path=/v2/${NAME}/blobs/uploads/ `, "m"));
  assertMatch(
    stderr,
    new RegExp(
      `^${time} method=GET path=/v2/${NAME}/blobs/.* bytes=\\d+ ms=[\\d.]+ complete=false$`,
      "m",
    ),
  );
  assertMatch(stderr, /path="\/v2\/a=b%20c%9b" status=404 bytes=\d+ ms=[\d.]+$/m);
});

Deno.test("registry serve --log none: requests write nothing", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("store"), { args: ["--log", "none"] });
  const api = new Api(server.url);
  await pushSample(api);
  await raw(server, "GET /v2/none/manifests/1");
  const { stderr } = await server.end("SIGTERM");
  assertEquals(stderr, "");
});
