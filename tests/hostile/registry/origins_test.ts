/** Who gets which secret. Every secret is a unique text, and every origin records all that it is sent. */
import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { type ClientConfig, type Credential, RegistryClient } from "../../../lib/registry/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import { connectProxy } from "../../support/registry/connect_proxy.ts";
import { makeCertificates } from "../../support/registry/docker_registry.ts";
import {
  type Answer,
  bearerAnswer,
  configFor,
  imageAnswer,
  Servers,
} from "../../support/registry/hostile_registry.ts";

const image = sampleImage();
const blob = { digest: image.imageId as never, size: image.config.length };
const USER = { kind: "basic", username: "user", password: "PASSWORD-1" } as const;
const OTHER = { kind: "basic", username: "other", password: "PASSWORD-2" } as const;
const tls = needs({ tools: ["openssl"] });

async function fetchConfig(config: ClientConfig): Promise<string> {
  using client = new RegistryClient(config);
  return await codeOf(() => client.smallBlob("app", blob, 1 << 20));
}

async function failureOf(act: () => Promise<unknown>): Promise<VarveError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

const token = (name: string): Answer => (_, { pathname }) =>
  pathname === "/token" ? Response.json({ token: name }) : undefined;

/** A configuration for `http://registry.test`. A proxy answers for all names. */
function named(proxy: string, credentials: Record<string, Credential>): ClientConfig {
  const proxies = { http: proxy, https: null, none: [] };
  return configFor("http://registry.test", credentials, { proxies });
}

/** A server with the certificate that {@linkcode makeCertificates} made. */
async function secured(temp: TempDir) {
  const [cert, key] = ["leaf.pem", "leaf.key"].map((name) => Deno.readTextFile(temp.join(name)));
  return { hostname: "127.0.0.1", port: 0, onListen() {}, cert: await cert, key: await key };
}

Deno.test("H02 a redirect to another origin, however similar its name, gets no secret", async () => {
  for (
    const host of [
      "registry.test:81",
      "sub.registry.test",
      "registry.test.evil.example",
      "evilregistry.test",
      "test",
    ]
  ) {
    await using servers = new Servers();
    const proxy = servers.start((request, url) => {
      if (url.host !== "registry.test") return new Response(image.config);
      const basic = request.headers.get("authorization") !== null;
      const location = `http://${host}/signed?sig=SIGNATURE-1`;
      return basic
        ? new Response("", { status: 307, headers: { location } })
        : new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
    });
    const credentials = { "http://registry.test": USER, [`http://${host}`]: OTHER };
    const config = named(proxy, credentials);
    const endpoints = config.endpoints.map((one) => ({ ...one, headers: { "x-key": "HEADER-1" } }));
    assertEquals(await fetchConfig({ ...config, endpoints }), "ok", host);
    assertEquals(servers.originsThatGot("PASSWORD-1"), ["http://registry.test"], host);
    assertEquals(servers.originsThatGot("HEADER-1"), ["http://registry.test"], host);
    // Not even the credential for that origin: it sent no challenge.
    assertEquals(servers.originsThatGot("PASSWORD-2"), [], host);
    assertEquals(servers.originsThatGot("SIGNATURE-1"), [`http://${host}`], host);
  }
});

Deno.test("H02 H07 a realm of another domain gets no secret, whatever its name", async () => {
  for (
    const [host, told] of [
      ["auth.registry.test", true],
      ["registry.test:81", true],
      ["registry.test.evil.example", false],
      ["evilregistry.test", false],
      ["127.0.0.2", false],
    ] as const
  ) {
    await using servers = new Servers();
    const proxy = servers.start(
      token("TOKEN-1"),
      (_, { host: at }) => at === "registry.test" ? undefined : new Response("", { status: 404 }),
      bearerAnswer("TOKEN-1", () => `http://${host}/token`),
      imageAnswer(image),
    );
    const config = named(proxy, { "http://registry.test": USER });
    // 127.0.0.2 is reached without the proxy, and nothing listens there.
    const code = host === "127.0.0.2" ? "E_REGISTRY" : "ok";
    assertEquals(await fetchConfig(config), code, host);
    assertEquals(servers.originsThatGot("PASSWORD-1"), told ? [`http://${host}`] : [], host);
    assertEquals(
      servers.originsThatGot("TOKEN-1"),
      code === "ok" ? ["http://registry.test"] : [],
      host,
    );
  }
});

Deno.test("H07 a login fails when the realm is of another domain, unless hosts.toml names the realm", async () => {
  await using servers = new Servers();
  const proxy = servers.start(
    (request, { pathname }) =>
      pathname === "/token" && request.headers.has("authorization")
        ? Response.json({ token: "TOKEN-2" })
        : undefined,
    token("TOKEN-3"),
    (request) =>
      request.headers.get("authorization") === "Bearer TOKEN-3" ? Response.json({}) : undefined,
    bearerAnswer("TOKEN-2", () => "http://tokens.example/token"),
    () => Response.json({}),
  );
  const config = named(proxy, { "http://registry.test": USER });
  {
    using client = new RegistryClient(config);
    const failure = await failureOf(() => client.ping());
    assertEquals(failure.code, "E_DENIED");
    assertStringIncludes(`${failure.details.hint}`, 'token_realms = ["http://tokens.example"]');
    assertEquals(servers.originsThatGot("PASSWORD-1"), []);
  }
  const endpoints = config.endpoints.map((one) => ({ ...one, realms: ["http://tokens.example"] }));
  using client = new RegistryClient({ ...config, endpoints });
  await client.ping();
  assertEquals(servers.originsThatGot("PASSWORD-1"), ["http://tokens.example"]);
});

Deno.test("H10 H23 a busy token server is retried, up to the limit", async () => {
  await using servers = new Servers();
  let busy = 2;
  const own = servers.start(
    (_, { pathname }) => {
      if (pathname !== "/token") return undefined;
      if (busy-- <= 0) return Response.json({ token: "T" });
      return new Response("", { status: 429, headers: { "retry-after": "0" } });
    },
    bearerAnswer("T", () => `${own}/token`),
    imageAnswer(image),
  );
  assertEquals(await fetchConfig(configFor(own, { [own]: USER })), "ok");
  busy = 1000;
  const before = servers.seen.length;
  assertEquals(await fetchConfig(configFor(own, { [own]: USER })), "E_REGISTRY");
  assertEquals(servers.seen.length - before, 6);
});

Deno.test("H23 when a registry refuses a token, one new token is fetched, not more", async () => {
  await using servers = new Servers();
  let given = 0;
  const own = servers.start(
    (_, { pathname }) =>
      pathname === "/token" ? Response.json({ token: `T-${++given}` }) : undefined,
    bearerAnswer("never", () => `${own}/token`),
  );
  using client = new RegistryClient(configFor(own, { [own]: USER }));
  for (const most of [3, 6]) {
    assertEquals(await codeOf(() => client.smallBlob("app", blob, 1 << 20)), "E_DENIED");
    assert(servers.seen.length <= most, `${servers.seen.length} requests`);
  }
});

Deno.test("concurrent requests share one request for a token, also when the old token is refused", async () => {
  await using servers = new Servers();
  let given = 0;
  const own = servers.start(
    (_, { pathname }) =>
      pathname === "/token" ? Response.json({ token: `T-${++given}` }) : undefined,
    (request) =>
      request.headers.get("authorization") === `Bearer T-${given}` ? undefined : new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${own}/token",service="s"` },
      }),
    imageAnswer(image),
  );
  using client = new RegistryClient(configFor(own, { [own]: USER }));
  const eight = () =>
    Promise.all(Array.from({ length: 8 }, () => client.smallBlob("app", blob, 1 << 20)));
  await eight();
  assertEquals(given, 1);
  // The token is refused, as if it had expired.
  given = 100;
  await eight();
  assertEquals(given, 101);
});

Deno.test("H25 H26 registries and mirrors: each gets its own secrets only, also when it fails", async () => {
  await using servers = new Servers();
  const basic = (credential: typeof USER | typeof OTHER, answer: Answer): Answer => {
    const right = `Basic ${btoa(`${credential.username}:${credential.password}`)}`;
    return (request, url) =>
      request.headers.get("authorization") === right
        ? answer(request, url)
        : new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
  };
  const mirror = servers.start(basic(OTHER, () => new Response("", { status: 404 })));
  const greedy = servers.start(() =>
    new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } })
  );
  const own = servers.start(basic(USER, imageAnswer(image)));
  const config = configFor([mirror, greedy, own], { [own]: USER, [mirror]: OTHER });
  assertEquals(await fetchConfig(config), "ok");
  assertEquals(servers.originsThatGot("PASSWORD-1"), [own]);
  assertEquals(servers.originsThatGot("PASSWORD-2"), [mirror]);
  assertEquals(new Set(servers.seen.map(({ origin }) => origin)), new Set([mirror, greedy, own]));
});

Deno.test({
  name: "H03 no redirect, realm or link is followed from https to http",
  ...tls,
  fn: async () => {
    await using temp = await tempDir();
    await makeCertificates(temp);
    await using servers = new Servers();
    const plain = servers.start(token("TOKEN-5"), () => new Response(image.config));
    const away = plain.replace("127.0.0.1", "localhost");
    const basic = { "www-authenticate": 'Basic realm="r"' };
    const bearer = { "www-authenticate": `Bearer realm="${away}/token",service="s"` };
    const asked: string[] = [];
    await using server = Deno.serve(
      await secured(temp),
      (request) => {
        const { pathname } = new URL(request.url);
        asked.push(pathname);
        if (pathname.startsWith("/v2/realm/")) {
          return new Response("", { status: 401, headers: bearer });
        }
        if (!request.headers.has("authorization")) {
          return new Response("", { status: 401, headers: basic });
        }
        if (pathname.endsWith("/tags/list")) {
          const link = { link: `<${away}/v2/app/tags/list>; rel="next"` };
          return Response.json({ tags: ["a"] }, { headers: link });
        }
        return new Response("", { status: 307, headers: { location: `${away}/x` } });
      },
    );
    const own = `https://localhost:${server.addr.port}`;
    const caCerts = [await Deno.readTextFile(temp.join("ca.pem"))];
    using client = new RegistryClient(configFor(own, { [own]: USER }, { caCerts }));
    const failures = [
      await failureOf(() => client.smallBlob("app", blob, 1 << 20)),
      await failureOf(() => client.manifest({ repository: "app" })),
      await failureOf(() => client.smallBlob("realm", blob, 1 << 20)),
      await failureOf(() => client.tags("app")),
    ];
    assertEquals(failures.map(({ code }) => code), Array(4).fill("E_REGISTRY"));
    assertStringIncludes(failures[0]?.message ?? "", "from https to http");
    assertStringIncludes(failures[2]?.message ?? "", "plain http");
    assertEquals(asked.length, 5);
    assertEquals(servers.seen, []);
  },
});

Deno.test({
  name:
    "skip_verify is for one origin: redirects from it are verified, and its bodies have back-pressure",
  ...tls,
  fn: async () => {
    await using temp = await tempDir();
    await makeCertificates(temp);
    const seen: string[] = [];
    const sent = { held: 0, quick: 0 };
    const total = 40_000_000;
    const start = (answer: (request: Request) => Response) =>
      Deno.serve({
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        cert: Deno.readTextFileSync(temp.join("leaf.pem")),
        key: Deno.readTextFileSync(temp.join("leaf.key")),
      }, answer);
    await using other = start((request) => {
      seen.push(request.url);
      return new Response(image.config);
    });
    await using server = start((request) => {
      if (request.url.includes("/away/")) {
        const location = `https://localhost:${other.addr.port}/x`;
        return new Response("", { status: 307, headers: { location } });
      }
      const which = (["held", "quick"] as const).find((name) => request.url.includes(`/${name}/`));
      if (which === undefined) return new Response(new URL(request.url).host);
      const chunk = new Uint8Array(64 * 1024);
      return new Response(
        new ReadableStream({
          pull(controller) {
            const length = Math.min(chunk.length, total - sent[which]);
            controller.enqueue(chunk.slice(0, length));
            sent[which] += length;
            if (sent[which] === total) controller.close();
          },
        }),
        { headers: { "content-length": `${total}` } },
      );
    });
    const own = `https://localhost:${server.addr.port}`;
    const config = configFor(own, {}, { attempts: 1 });
    const endpoints = config.endpoints.map((one) => ({ ...one, unverified: true }));
    using client = new RegistryClient({ ...config, endpoints });
    const failure = await failureOf(() => client.smallBlob("away", blob, 1 << 20));
    assertStringIncludes(failure.message, "its certificate is from an unknown authority");
    assertEquals(seen, []);
    const large = { digest: blob.digest, size: total };
    const read = async (repository: string, onFirst?: () => Promise<void>) => {
      let got = 0;
      for await (const chunk of client.blob(repository, large)) {
        if (got === 0) await onFirst?.();
        got += chunk.length;
      }
      assertEquals(got, total);
    };
    await read("held", async () => {
      // Nothing is read from the first blob while the second one comes whole.
      await read("quick");
      assert(sent.held < 20_000_000, `${sent.held} bytes are under way`);
    });
    const strict = new RegistryClient(config);
    assertEquals(await codeOf(() => strict.smallBlob("app", blob, 1 << 20)), "E_REGISTRY");
    strict[Symbol.dispose]();
  },
});

Deno.test({
  name: "a proxy gets its password, and no server behind it does; the proxy sees only TLS",
  ...tls,
  fn: async () => {
    await using temp = await tempDir();
    await makeCertificates(temp);
    const seen: string[] = [];
    await using server = Deno.serve(
      await secured(temp),
      (request) => {
        seen.push([...request.headers].map((pair) => pair.join(": ")).join("\n"));
        if (request.headers.has("authorization")) return new Response(image.config);
        return new Response("", {
          status: 401,
          headers: { "www-authenticate": 'Basic realm="r"' },
        });
      },
    );
    await using proxy = connectProxy();
    const own = `https://registry.test:${server.addr.port}`;
    const caCerts = [await Deno.readTextFile(temp.join("ca.pem"))];
    const https = `http://p:PROXY-1@${proxy.host}`;
    const more = { caCerts, proxies: { http: null, https, none: [] } };
    assertEquals(await fetchConfig(configFor(own, { [own]: USER }, more)), "ok");
    assertEquals(seen.length, 2);
    assertStringIncludes(seen[1] as string, btoa("user:PASSWORD-1"));
    // Deno sends the proxy's password to the server behind it, too: what arrives there must be useless.
    assertFalse(seen.some((text) => text.includes("PROXY-1") || text.includes(btoa("p:PROXY-1"))));
    assert(proxy.heads.length > 0);
    for (const head of proxy.heads) {
      assertStringIncludes(head, `CONNECT registry.test:${server.addr.port} `);
      assertStringIncludes(head, btoa("p:PROXY-1"));
      assertFalse(head.includes(btoa("user:PASSWORD-1")));
    }
    // When nothing listens, the error holds neither password.
    const dead = {
      ...more,
      proxies: { http: null, https: "http://p:PROXY-1@127.0.0.1:2", none: [] },
    };
    using client = new RegistryClient(configFor(own, { [own]: USER }, { ...dead, attempts: 1 }));
    const { message, details } = await failureOf(() => client.ping());
    assertStringIncludes(message, "proxy");
    for (const secret of ["PROXY-1", "PASSWORD-1"]) {
      assertFalse((message + JSON.stringify(details)).includes(secret), message);
    }
  },
});
