/** The live page of the explorer: what it serves, and what it refuses. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { startBrowser } from "../support/browser/chromium.ts";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { startServing } from "../support/cli/serving.ts";
import { needs } from "../support/machine/needs.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const NAME = "example.org/live:1";
const HTML = "<script>document.title='ran'</script>\x1b[31m";

async function liveServer(temp: TempDir) {
  const layer = tarOf([
    { name: "etc/page.html", content: HTML },
    { name: "etc/odd\x1b\xff", content: "odd" },
    { name: "big", content: "0123456789abcdef".repeat(40_000) },
    { name: "link", type: "symlink", target: "etc/page.html" },
  ]);
  await Deno.writeFile(temp.join("layer.tar"), layer);
  const { code, stderr } = await commandOn(temp.join("store"))([
    "import",
    temp.join("layer.tar"),
    NAME,
  ]);
  assertEquals(code, 0, stderr);
  const cli = new Cli(temp.join("store"));
  const command = cli.command(["explore", NAME, "--port", "0", "--format", "json"]);
  const serving = await startServing("varve explore --port", cli, command);
  const { url } = serving.said as { url: string };
  return { serving, url };
}

/** Status and body of a request with headers that fetch would not send. */
async function raw(url: string, head: string): Promise<{ status: number; text: string }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  await connection.write(new TextEncoder().encode(`${head}\r\nconnection: close\r\n\r\n`));
  const text = await new Response(ReadableStream.from(chunksOf(connection))).text();
  return { status: Number(/^HTTP\/1\.1 ([0-9]+)/.exec(text)?.[1]), text };
}

async function* chunksOf(connection: Deno.Conn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    yield buffer.slice(0, length);
  }
}

Deno.test("explore --port: the page, previews as text and bytes, and downloads", async () => {
  await using temp = await tempDir("varve-live-");
  const { serving, url } = await liveServer(temp);
  await using _ = serving;
  assertMatch(url, /^http:\/\/127\.0\.0\.1:[0-9]+\/[0-9a-f]{32}\/$/);
  const get = async (rest: string) => {
    const response = await fetch(`${url}${rest}`);
    return { response, body: await response.text() };
  };
  const page = await get("");
  assertEquals(page.response.headers.get("content-type"), "text/html; charset=utf-8");
  assertMatch(page.body, /<h1 id="name">/);
  for (const name of ["", "text?path=/etc/page.html", "none"]) {
    const { response: { headers } } = await get(name);
    assertEquals(headers.get("x-content-type-options"), "nosniff", name);
    assertEquals(headers.get("cache-control"), "no-store", name);
    assertEquals(headers.get("referrer-policy"), "no-referrer", name);
  }
  const text = await get("text?path=/etc/page.html");
  assertEquals(text.response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertMatch(text.response.headers.get("content-security-policy") ?? "", /'none'; sandbox/);
  assertEquals(text.body, "<script>document.title='ran'</script>\\u{1b}[31m");
  const hex = await get("hex?path=/etc/page.html");
  assertMatch(hex.body, /^00000000 {2}3c 73 63 72 [0-9a-f ]* {2}\|<script>document\|\n/);
  const file = await get("file?path=/etc/page.html");
  assertEquals(file.body, HTML);
  assertEquals(file.response.headers.get("content-type"), "application/octet-stream");
  assertMatch(file.response.headers.get("content-disposition") ?? "", /^attachment; .*page\.html$/);
  // Previews have an end, downloads are whole.
  const big = await get("text?path=/big");
  assertEquals(
    big.body.length,
    262_144 + "\n[377856 more bytes are left out of this preview]\n".length,
  );
  assertMatch((await get("hex?path=/big")).body, /\n\[574464 more bytes are left out/);
  assertEquals((await get("file?path=/big")).body.length, 640_000);
  const odd = await get(`file?path=${encodeURIComponent("/etc/odd\\x1bÿ")}`);
  assertEquals(odd.body, "odd");
  for (
    const rest of [
      "text",
      "text?path=/none",
      "text?path=/etc",
      "text?path=/link",
      "other?path=/big",
    ]
  ) {
    assertEquals((await get(rest)).response.status, 404, rest);
  }
});

Deno.test("explore --port: another token, host, origin or method, and .. are refused; it ends with 0", async () => {
  await using temp = await tempDir("varve-live-");
  const { serving, url } = await liveServer(temp);
  await using _ = serving;
  const { host, port, pathname } = new URL(url);
  const get = (path: string, headers: string) => raw(url, `GET ${path} HTTP/1.1\r\n${headers}`);
  assertEquals((await get(pathname, `host: ${host}`)).status, 200);
  assertEquals((await get(pathname, `host: localhost:${port}`)).status, 200);
  const refused: readonly (readonly [path: string, headers: string, status: number])[] = [
    ["/", `host: ${host}`, 404],
    [`/${"0".repeat(32)}/`, `host: ${host}`, 404],
    [pathname.slice(0, -1), `host: ${host}`, 404],
    [`${pathname}x/y`, `host: ${host}`, 404],
    [pathname, `host: evil.example:${port}`, 403],
    [pathname, "host: 127.0.0.1", 403],
    [pathname, `host: ${host}\r\norigin: http://evil.example`, 403],
    [pathname, `host: ${host}\r\norigin: null`, 403],
    [pathname, `host: ${host}\r\nsec-fetch-site: cross-site`, 403],
    [`${pathname}../`, `host: ${host}`, 404],
    [`${pathname}text?path=/etc/../big`, `host: ${host}`, 400],
    [`${pathname}file?path=../../../../etc/passwd`, `host: ${host}`, 400],
  ];
  for (const [path, headers, status] of refused) {
    const answer = await get(path, headers);
    assertEquals(answer.status, status, `${path} ${headers}: ${answer.text}`);
    assert(!answer.text.includes("<h1"));
  }
  for (const method of ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"]) {
    const { status } = await raw(url, `${method} ${pathname} HTTP/1.1\r\nhost: ${host}`);
    assertEquals(status, 405, method);
  }
  // No other machine reaches it.
  const sockets = await Deno.readTextFile("/proc/net/tcp");
  const listening = Number(port).toString(16).toUpperCase().padStart(4, "0");
  assertMatch(sockets, new RegExp(` 0100007F:${listening} 00000000:0000 0A`));
  const { code, stderr } = await serving.end("SIGINT");
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("explore --port: two images, what differs, and the files of each", async () => {
  await using temp = await tempDir("varve-live-");
  const varve = commandOn(temp.join("store"));
  for (const [name, content] of [["first:1", "one"], ["second:1", "two, longer"]] as const) {
    await Deno.writeFile(temp.join("layer.tar"), tarOf([{ name: "etc/file", content }]));
    assertEquals((await varve(["import", temp.join("layer.tar"), name])).code, 0);
  }
  const cli = new Cli(temp.join("store"));
  const command = cli.command([
    "explore",
    "first:1",
    "second:1",
    "--port",
    "0",
    "--format",
    "json",
  ]);
  await using serving = await startServing("varve explore --port", cli, command);
  const { url } = serving.said as { url: string };
  const get = async (rest: string) => {
    const response = await fetch(`${url}${rest}`);
    return [response.status, await response.text()] as const;
  };
  // The page is made again for each request.
  for (let i = 0; i < 2; i++) {
    const [, page] = await get("");
    const data = JSON.parse(
      /<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)?.[1] ?? "",
    );
    assertEquals(data.images.map((one: { name: string }) => one.name), [
      "docker.io/library/first:1",
      "docker.io/library/second:1",
    ]);
    assertEquals([data.live, data.diff.entries], [true, [["M", "/etc/file", 3, 11]]]);
  }
  assertEquals(await get("text?path=/etc/file"), [200, "one"]);
  assertEquals(await get("text?image=0&path=/etc/file"), [200, "one"]);
  assertEquals(await get("file?image=1&path=/etc/file"), [200, "two, longer"]);
  for (const image of ["2", "-1", "x", "01", ""]) {
    assertEquals((await get(`text?image=${image}&path=/etc/file`))[0], 404, image);
  }
});

Deno.test("explore --port: what does not go with it", async () => {
  await using temp = await tempDir("varve-live-");
  await Deno.writeFile(temp.join("layer.tar"), tarOf([{ name: "a", content: "a" }]));
  const varve = commandOn(temp.join("store"));
  assertEquals((await varve(["import", temp.join("layer.tar"), NAME])).code, 0);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cases: readonly (readonly [args: string[], code: number, message: RegExp])[] = [
    [["--port", "x"], 2, /give 0 to 65535/],
    [["--port", "65536"], 2, /give 0 to 65535/],
    [["--port", "0", "--ci"], 2, /--port with --ci or -o/],
    [["--port", "0", "-o", "x"], 2, /--port with --ci or -o/],
    [["--port", String(taken.addr.port)], 6, /it is taken \(--port 0 takes a free port\)/],
  ];
  for (const [args, code, message] of cases) {
    const said = await varve(["explore", NAME, ...args]);
    assertEquals(said.code, code, said.stderr);
    assertMatch(said.stderr, message);
  }
});

Deno.test({
  name: "explore --port: in a browser, a file is text and nothing runs",
  ...needs({ tools: ["chromium-headless-shell"] }),
  async fn() {
    await using temp = await tempDir("varve-live-");
    const { serving, url } = await liveServer(temp);
    await using _ = serving;
    await using browser = await startBrowser();
    const { page } = browser;
    await page.open(`${url}#view=tree&at=/etc/page.html`);
    const links: string[] = await page.eval(
      `Array.from(document.querySelectorAll("section a"), (link) => link.href)`,
    );
    assertEquals(links.map((link) => link.slice(url.length)), [
      "text?image=0&path=%2Fetc%2Fpage.html",
      "hex?image=0&path=%2Fetc%2Fpage.html",
      "file?image=0&path=%2Fetc%2Fpage.html",
    ]);
    const shown = await page.eval(
      `fetch(${JSON.stringify(links[0])}).then(() => "fetched", () => "refused")`,
    );
    // The policy lets the page fetch nothing: a link is the only way.
    assertEquals(shown, "refused");
    assertEquals(await page.eval("document.title"), `tree: ${NAME}`);
  },
});
