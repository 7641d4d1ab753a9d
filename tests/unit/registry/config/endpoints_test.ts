import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { findEndpoints } from "../../../../lib/registry/config/endpoints.ts";
import { loadClientConfig } from "../../../../lib/registry/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

async function hosts(registry: string, files: Record<string, string>) {
  await using temp = await tempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(temp.join(name.slice(0, name.lastIndexOf("/"))), { recursive: true });
    await Deno.writeTextFile(temp.join(name), text);
  }
  return await findEndpoints(registry, { directories: [temp.join("none"), temp.path] });
}

Deno.test("hosts: without a file a registry is where its name says, loopback in plain http", async () => {
  const origin = async (name: string) => (await hosts(name, {})).map((one) => one.origin);
  assertEquals(await origin("docker.io"), ["https://registry-1.docker.io"]);
  assertEquals(await origin("ghcr.io"), ["https://ghcr.io"]);
  assertEquals(await origin("localhost:5000"), ["http://localhost:5000"]);
  assertEquals(await origin("127.0.0.1:5000"), ["http://127.0.0.1:5000"]);
  assertEquals(
    (await findEndpoints("ghcr.io", { directories: [], plainHttp: true }))[0]?.origin,
    "http://ghcr.io",
  );
});

Deno.test("hosts: a name that is no address, though a registry's may look so, is the user's error", async () => {
  for (const name of ["localhost:99999", "1.2.3.999", "app.123:5000", "[:::]", "xn--a.example"]) {
    assertEquals([name, await codeOf(() => hosts(name, {}))], [name, "E_USAGE"]);
  }
});

Deno.test("hosts: a server that repeats a host has the settings of the host, and is asked once", async () => {
  const found = async (more: string, top = "") =>
    (await hosts("r.example", {
      "r.example/hosts.toml": `server = "https://r.example"\n${top}
[host."https://r.example"]
ca = "a.pem"
${more}`,
      "r.example/a.pem": PEM,
      "r.example/b.pem": PEM + PEM,
    })).map(({ capabilities, caCerts }) => [capabilities.join(), caCerts.join()]);
  assertEquals(await found(""), [["pull,resolve,push", PEM]]);
  assertEquals(await found(`capabilities = ["pull", "resolve"]`), [
    ["pull,resolve", PEM],
    ["push", PEM],
  ]);
  // Settings of its own are meant.
  assertEquals(await found("", `ca = "b.pem"`), [
    ["pull,resolve,push", PEM],
    ["pull,resolve,push", PEM + PEM],
  ]);
});

Deno.test("hosts: mirrors in their order, the server last, with all that containerd knows", async () => {
  const found = await hosts("r.example:5000", {
    "r.example_5000_/hosts.toml": `server = "https://real.example"
capabilities = ["push"]
skip_verify = true
[host."https://m1.example/some/path"]
capabilities = ["pull", "resolve"]
ca = ["a.pem"]
client = [["a.pem", "a.pem"]]
override_path = true
token_realms = "https://tokens.example/auth"
redirects = ["https://storage.example:9000/x", "http://10.0.0.1"]
[host."https://m1.example/some/path".header]
x-one = ["a", "b"]
[host."http://m2.example"]
skip_verify = true
`,
    "r.example_5000_/a.pem": PEM,
  });
  assertEquals(found.map(({ origin, path, namespace }) => [origin, path, namespace]), [
    ["https://m1.example", "/some/path", "r.example:5000"],
    ["http://m2.example", "/v2", "r.example:5000"],
    ["https://real.example", "/v2", "r.example:5000"],
  ]);
  assertEquals(found[0]?.headers, { "x-one": "a, b" });
  assertEquals(found[0]?.redirects, ["https://storage.example:9000", "http://10.0.0.1"]);
  assertEquals(found[2]?.redirects, []);
  assertEquals(found.map(({ unverified }) => unverified), [false, false, true]);
  assertEquals(found.map(({ realms }) => realms), [["https://tokens.example"], [], []]);
  assertEquals(found[0]?.caCerts, [PEM]);
  assertEquals(found[0]?.client, { cert: PEM, key: PEM });
  assertEquals(found.map(({ capabilities }) => capabilities), [
    ["pull", "resolve"],
    ["pull", "resolve", "push"],
    ["push"],
  ]);
});

Deno.test("hosts: the own directory beats the default one", async () => {
  const files = {
    "_default/hosts.toml": `[host."https://mirror.example"]`,
    "r.example/hosts.toml": `server = "http://r.example"`,
  };
  assertEquals((await hosts("r.example", files)).map(({ origin }) => origin), ["http://r.example"]);
  assertEquals((await hosts("other.example", files)).map(({ origin }) => origin), [
    "https://mirror.example",
    "https://other.example",
  ]);
});

Deno.test("hosts: names of directories in containerd's order; one that is there ends the search", async () => {
  const server = (name: string) => `server = "http://${name}"`;
  const origin = async (registry: string, files: Record<string, string>) =>
    (await hosts(registry, files)).map((one) => one.origin);
  const files = {
    "r.example_5000_/hosts.toml": server("first"),
    "r.example:5000/hosts.toml": server("second"),
    "r.example/hosts.toml": server("bare"),
    "empty.example/readme": "",
    "_default/hosts.toml": server("default"),
  };
  assertEquals(await origin("r.example:5000", files), ["http://first"]);
  const { "r.example_5000_/hosts.toml": _, ...second } = files;
  assertEquals(await origin("r.example:5000", second), ["http://second"]);
  assertEquals(await origin("r.example:6000", files), ["http://default"]);
  assertEquals(await origin("empty.example", files), ["https://empty.example"]);
});

Deno.test("hosts: settings of TLS stand for TLS, also on loopback, unless http is asked for", async () => {
  const origin = async (text: string) =>
    (await hosts("localhost:5000", {
      "localhost:5000/hosts.toml": text,
      "localhost:5000/a.pem": PEM,
    }))
      .map((one) => one.origin);
  assertEquals(await origin(`ca = "a.pem"`), ["https://localhost:5000"]);
  assertEquals(await origin("skip_verify = true"), ["https://localhost:5000"]);
  assertEquals(await origin(`server = "http://localhost:5000"\nca = "a.pem"`), [
    "http://localhost:5000",
  ]);
  assertEquals(await origin(""), ["http://localhost:5000"]);
});

Deno.test("hosts: what containerd takes for nothing said is nothing here", async () => {
  const found = async (text: string) =>
    (await hosts("r.example", { "r.example/hosts.toml": text, "r.example/a.crt": PEM }))[0];
  const all = ["pull", "resolve", "push"];
  assertEquals((await found("capabilities = []"))?.capabilities, all as never);
  assertEquals((await found(`capabilities = ["Pull", "RESOLVE", "referrers"]`))?.capabilities, [
    "pull",
    "resolve",
  ]);
  assertEquals((await found(`server = ""`))?.origin, "https://r.example");
  assertEquals((await found(""))?.caCerts, [PEM]);
  assertEquals((await found("# nothing"))?.caCerts, []);
});

Deno.test("hosts: a client's file that holds its key too needs no other", async () => {
  const both = `${PEM}-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n`;
  const client = async (files: Record<string, string>) =>
    (await hosts("r.example", { "r.example/1.cert": both, ...files }))[0]?.client;
  const values = [`"1.cert"`, `["1.cert"]`, `["1.cert", "2.pem"]`, `[["1.cert", ""]]`];
  for (const value of values) {
    const files = { "r.example/hosts.toml": `client = ${value}`, "r.example/2.pem": both + both };
    assertEquals(await client(files), { cert: both, key: both }, value);
  }
  assertEquals(await client({}), { cert: both, key: both });
});

Deno.test("hosts: what is malformed or impossible is refused", async () => {
  const bad: [string, string][] = [
    ["server = ", "E_FORMAT"],
    ["server = 5", "E_FORMAT"],
    [`host = "x"`, "E_FORMAT"],
    [`server = "ftp://x"`, "E_FORMAT"],
    [`server = "https://u:p@x"`, "E_FORMAT"],
    [`capabilities = ["fly"]`, "E_FORMAT"],
    [`ca = "missing.pem"`, "E_FORMAT"],
    [`ca = "hosts.toml"`, "E_FORMAT"],
    [`header = {"x y" = "z"}`, "E_FORMAT"],
    [`header = {x = "a\\nb"}`, "E_FORMAT"],
    [`token_realms = [5]`, "E_FORMAT"],
    [`token_realms = "ftp://x"`, "E_FORMAT"],
    [`skip_verify = true\nclient = "x"`, "E_UNSUPPORTED"],
  ];
  for (const [text, code] of bad) {
    const got = await codeOf(() => hosts("r.example", { "r.example/hosts.toml": text }));
    assertEquals(got, code, text);
  }
});

Deno.test("hosts: an error names the line and the column", async () => {
  const top = `server = "https://r.example"\n`;
  const cases: [text: string, place: string][] = [
    ["server = \n", "line 1, column 10: "],
    [`${top}[host."https://m.example"\n`, "line 2, column 26: "],
    ["\nserver = 5", "line 2, column 1: server is not a string"],
    [`${top}  "ca" = 5`, "line 2, column 3: ca is not a path"],
    [
      `${top}capabilities = ["pull"]\n[host."https://m.example"]\n capabilities = "pull"`,
      "line 4, column 2: capabilities is not a list",
    ],
    [`${top}[host."https://m.example".header]\n"x y" = "z"`, "line 2, column 27: a header"],
    [`${top}[host."ftp://m.example"]\n`, "line 2, column 1: a host is not"],
    [`${top}client = "none.pem"`, "line 2, column 1: none.pem does not exist"],
    [`host = { "https://m.example" = { ca = 5 } }`, "line 1, column 34: ca is not a path"],
    [
      `${top}host = { "https://m.example" = 5 }`,
      "line 2, column 10: host https://m.example is not",
    ],
    [`host."https://m.example".header = { a = [1] }`, "line 1, column 26: a header is malformed"],
    ["host = { 'ftp://m.example' = {} }", "line 1, column 10: a host is not"],
    // The same setting of another host, a comment and a string that look alike are not meant.
    [
      `[host."https://m.example"]
      # ca = 1
      header = { x = """
      ca = 2"""}
      capabilities = [ "pull", # ca = 3
        'push' ]
      [host."https://n.example"]
      ca = "none.pem"
      [host."https://o\\u002eexample"]
      client = [["none.pem", ""]]
      ca = 5`,
      "line 8, column 7: none.pem does not exist",
    ],
    [
      `[host."https://o\\u002eexample"]\n[host."https://o.example".header]\n"b" = [ { b = 1 } ]`,
      "line 2, column 27: a header is malformed",
    ],
  ];
  for (const [text, place] of cases) {
    const error = await assertRejects(
      () => hosts("r.example", { "r.example/hosts.toml": text }),
      VarveError,
    );
    assertStringIncludes(error.message, place, text);
  }
});

Deno.test("H26 a mirror gets its own credentials, never those of what it stands for", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("r.example"));
  await Deno.writeTextFile(
    temp.join("r.example/hosts.toml"),
    `[host."https://m.example"]\n[host."https://n.example"]`,
  );
  const auth = (name: string) => ({ auth: btoa(`${name}:secret`) });
  const auths = { "r.example": auth("real"), "m.example": auth("mirror") };
  await Deno.writeTextFile(temp.join("config.json"), JSON.stringify({ auths }));
  const config = await loadClientConfig("r.example", "a/b", {
    hostsDirectories: [temp.path],
    credentialsFiles: [temp.join("config.json")],
  });
  assertEquals(config.credentials, {
    "https://m.example": { kind: "basic", username: "mirror", password: "secret" },
    "https://r.example": { kind: "basic", username: "real", password: "secret" },
  });
  assertStringIncludes(config.endpoints.map(({ origin }) => origin).join(), "n.example");
});
