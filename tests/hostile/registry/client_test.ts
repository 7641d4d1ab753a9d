import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { type ClientConfig, RegistryClient } from "../../../lib/registry/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import {
  type Answer,
  bearerAnswer,
  configFor,
  imageAnswer,
  Servers,
} from "../../support/registry/hostile_registry.ts";
import { silentServer } from "../../support/registry/silent_server.ts";

const image = sampleImage();
const digest = image.imageId as never;
const blob = { digest, size: image.config.length };
const USER = { kind: "basic", username: "user", password: "PASSWORD-1" } as const;
const REFRESH = { kind: "refresh", token: "REFRESH-1" } as const;

async function fetchConfig(config: ClientConfig): Promise<string> {
  using client = new RegistryClient(config);
  return await codeOf(() => client.smallBlob("app", blob, 1 << 20));
}

async function fetchManifest(config: ClientConfig): Promise<string> {
  using client = new RegistryClient(config);
  return await codeOf(() => client.manifest({ repository: "app", tag: "1" }));
}

async function messageOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof VarveError) return error.message + JSON.stringify(error.details);
    throw error;
  }
  return "ok";
}

const redirect = (to: string, status = 307): Answer => (_, { pathname }) =>
  pathname.includes("/blobs/")
    ? new Response("", { status, headers: { location: to } })
    : undefined;

const token = (name: string, more = {}): Answer => (_, { pathname }) =>
  pathname === "/token" ? Response.json({ token: name, ...more }) : undefined;

Deno.test("H01 a redirect of a blob is followed without credentials and headers", async () => {
  await using servers = new Servers();
  const other = servers.start(() => new Response(image.config));
  const own = servers.start(
    token("TOKEN-1"),
    bearerAnswer("TOKEN-1", () => `${own}/token`),
    redirect(`${other}/signed?sig=SIGNATURE-1`),
  );
  const config = configFor(own, { [own]: USER });
  const [endpoint] = config.endpoints;
  const endpoints = [{ ...endpoint!, headers: { "x-secret": "HEADER-1", cookie: "COOKIE-1" } }];
  assertEquals(await fetchConfig({ ...config, endpoints }), "ok");
  for (const secret of ["PASSWORD-1", "TOKEN-1", "HEADER-1", "COOKIE-1"]) {
    assertEquals(servers.originsThatGot(secret), [own], secret);
  }
  assertEquals(servers.originsThatGot("SIGNATURE-1"), [other]);
  const [there] = servers.seen.filter(({ origin }) => origin === other);
  assertEquals(there?.headers.get("accept-encoding"), "identity");
});

Deno.test("H13 the error names the storage that refused, without its signed query and without a login hint", async () => {
  await using servers = new Servers();
  const storage = servers.start(() => new Response("", { status: 403 }));
  const own = servers.start(redirect(`${storage}/signed?sig=SIGNATURE-1`));
  using client = new RegistryClient(configFor(own));
  const words = await messageOf(() => client.smallBlob("app", blob, 1 << 20));
  assertStringIncludes(words, `from ${own}: ${storage} answers 403`);
  for (const word of ["SIGNATURE-1", "login", "the registry"]) assertFalse(words.includes(word));
});

Deno.test("H07 a realm of another domain gets no credentials; its anonymous token is still used", async () => {
  for (const credential of [USER, REFRESH]) {
    await using servers = new Servers();
    const stranger = servers.start(token("TOKEN-2")).replace("127.0.0.1", "localhost");
    const own = servers.start(
      bearerAnswer("TOKEN-2", () => `${stranger}/token`),
      imageAnswer(image),
    );
    assertEquals(await fetchConfig(configFor(own, { [own]: credential })), "ok");
    assertEquals(servers.originsThatGot("PASSWORD-1"), []);
    assertEquals(servers.originsThatGot("REFRESH-1"), []);
    assertFalse(servers.seen.some(({ all }) => /account=/.test(all)));
  }
});

Deno.test("H07 a realm of the same host gets the password, or the refresh token in a form", async () => {
  await using servers = new Servers();
  const realm = servers.start(token("TOKEN-3"));
  const own = servers.start(bearerAnswer("TOKEN-3", () => `${realm}/token`), imageAnswer(image));
  assertEquals(await fetchConfig(configFor(own, { [own]: USER })), "ok");
  assertEquals(servers.originsThatGot("PASSWORD-1"), [realm]);
  assertEquals(await fetchConfig(configFor(own, { [own]: REFRESH })), "ok");
  assertEquals(servers.originsThatGot("REFRESH-1"), [realm]);
  const form = servers.seen.find(({ method }) => method === "POST")?.all ?? "";
  assertStringIncludes(form, "grant_type=refresh_token");
  assertFalse(servers.seen.some(({ path }) => path.includes("REFRESH")));
});

Deno.test("H09 a token endpoint that redirects is refused", async () => {
  await using servers = new Servers();
  const inner = servers.start(token("TOKEN-4"));
  const own = servers.start(
    (_, { pathname }) =>
      pathname === "/token" ? Response.redirect(`${inner}/token`, 302) : undefined,
    bearerAnswer("TOKEN-4", () => `${own}/token`),
  );
  for (const credential of [USER, REFRESH]) {
    assertEquals(await fetchConfig(configFor(own, { [own]: credential })), "E_REGISTRY");
  }
  assertEquals(servers.seen.filter(({ origin }) => origin === inner), []);
});

Deno.test("H10 answers of a token server: valid and invalid ones", async () => {
  const cases: [string, BodyInit | ReadableStream<Uint8Array>][] = [
    ["E_REGISTRY", "no json"],
    ["E_REGISTRY", "{}"],
    ["E_REGISTRY", '{"token":5}'],
    ["E_REGISTRY", '{"token":""}'],
    ["E_REGISTRY", '{"token":"a\\r\\nx: y"}'],
    ["E_REGISTRY", "[]"],
    ["E_LIMIT", " ".repeat(65 * 1024)],
    ["E_LIMIT", endless()],
    ["ok", '{"access_token":"T","expires_in":-1}'],
    ["ok", '{"token":"T","expires_in":0}'],
    ["ok", '{"token":"T","expires_in":1e99}'],
    ["ok", '{"token":"T","expires_in":"soon"}'],
  ];
  for (const [code, body] of cases) {
    await using servers = new Servers();
    const own = servers.start(
      (_, { pathname }) => pathname === "/token" ? new Response(body) : undefined,
      bearerAnswer("T", () => `${own}/token`),
      imageAnswer(image),
    );
    assertEquals(await fetchConfig(configFor(own)), code, String(body).slice(0, 60));
  }
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
}

Deno.test("H11 the scope is the client's own, whatever the challenge asks for", async () => {
  await using servers = new Servers();
  const own = servers.start(
    token("T"),
    bearerAnswer("T", () => `${own}/token`, ',scope="repository:other:push"'),
    imageAnswer(image),
  );
  assertEquals(await fetchConfig(configFor(own)), "ok");
  const [asked] = servers.seen.filter(({ path }) => path.startsWith("/token"));
  assertEquals(new URLSearchParams(asked?.path.split("?")[1]).getAll("scope"), [
    "repository:app:pull",
  ]);
});

Deno.test("H11 challenges that cannot be answered end in E_DENIED, not in a loop", async () => {
  for (
    const header of [
      "",
      "Negotiate",
      'Bearer realm="',
      "Bearer",
      'Bearer realm="ftp://x/"',
      'Bearer realm="http://u:p@127.0.0.1/"',
    ]
  ) {
    await using servers = new Servers();
    const own = servers.start(() =>
      new Response("", { status: 401, headers: { "www-authenticate": header } })
    );
    const code = await fetchConfig(configFor(own, { [own]: USER }));
    assert(code === "E_DENIED" || code === "E_REGISTRY", `${header}: ${code}`);
    assert(servers.seen.length <= 2, header);
  }
});

Deno.test("H13 the body of an error is bounded and escaped, and secrets are redacted", async () => {
  const words = "\x1b[31mPASSWORD-1 TOKEN-9 HEADER-9 https://s3/x?sig=SIGNATURE-9";
  await using servers = new Servers();
  const own = servers.start(
    token("TOKEN-9"),
    bearerAnswer("TOKEN-9", () => `${own}/token`),
    () => Response.json({ errors: [{ code: "DENIED", message: words }] }, { status: 403 }),
  );
  const config = configFor(own, { [own]: USER });
  const endpoints = config.endpoints.map((one) => ({ ...one, headers: { "x-key": "HEADER-9" } }));
  using client = new RegistryClient({ ...config, endpoints });
  const message = await messageOf(() => client.smallBlob("app", blob, 1 << 20));
  assertStringIncludes(message, "DENIED");
  for (const secret of ["PASSWORD-1", "TOKEN-9", "HEADER-9", "SIGNATURE-9", "\x1b"]) {
    assertFalse(message.includes(secret), message);
  }
  const large = servers.start(() => new Response(endless(), { status: 400 }));
  assertEquals(await fetchConfig(configFor(large)), "E_REGISTRY");
});

Deno.test("H13 no error holds the query of a signed address", async () => {
  await using servers = new Servers();
  const own = servers.start(redirect("http://127.0.0.1:1/gone?sig=SIGNATURE-8"));
  using client = new RegistryClient(configFor(own));
  const message = await messageOf(() => client.smallBlob("app", blob, 1 << 20));
  assert(message.length > 20);
  assertFalse(message.includes("SIGNATURE-8"), message);
});

Deno.test("H15 a manifest that is too long, or never ends", async () => {
  await using servers = new Servers();
  const long = servers.start(() => new Response(endless()));
  assertEquals(await fetchManifest(configFor(long)), "E_LIMIT");
  const drip = servers.start(() => {
    let timer: ReturnType<typeof setInterval>;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 20);
        },
        cancel: () => clearInterval(timer),
      }),
    );
  });
  // Without the time-out the request would never end.
  assertEquals(await fetchManifest(configFor(drip, {}, { idleTimeout: 200 })), "E_REGISTRY");
});

Deno.test("H15 a registry that accepts the connection and never answers", async () => {
  await using server = silentServer();
  const config = configFor(server.origin, {}, { idleTimeout: 50, attempts: 2 });
  assertEquals(await fetchManifest(config), "E_REGISTRY");
  await server.asked(2);
  using client = new RegistryClient(configFor(server.origin));
  const controller = new AbortController();
  const reason = new Error("enough");
  const asking = client.manifest({ repository: "app" }, { signal: controller.signal })
    .catch((error) => error);
  await server.asked(3);
  controller.abort(reason);
  assertEquals(await asking, reason);
});

Deno.test("H22 the pages of a list must stay at the registry, and are bounded", async () => {
  await using servers = new Servers();
  const page = (tags: string[], link?: string) =>
    Response.json(
      { tags },
      link === undefined ? {} : { headers: { link: `<${link}>; rel="next"` } },
    );
  const own = servers.start((_, { pathname, searchParams }) => {
    if (pathname === "/v2/good/tags/list") {
      return searchParams.has("last") ? page(["b"]) : page(["a"], "/v2/good/tags/list?last=a");
    }
    if (pathname === "/v2/away/tags/list") return page(["a"], "http://127.0.0.1:1/evil");
    if (pathname === "/v2/loop/tags/list") return page(["a"], "/v2/loop/tags/list?again");
    return pathname === "/v2/none/tags/list" ? Response.json({ tags: null }) : undefined;
  });
  using client = new RegistryClient(configFor(own));
  assertEquals(await client.tags("good"), ["a", "b"]);
  assertEquals(await client.tags("none"), []);
  assertEquals(await codeOf(() => client.tags("away")), "E_REGISTRY");
  assertEquals(await codeOf(() => client.tags("loop")), "E_REGISTRY");
  assertEquals(await codeOf(() => client.tags("missing")), "E_NOT_FOUND");
});

Deno.test("H22 a list with too many names, a page that is too long, or too many bytes in all is refused", async () => {
  await using servers = new Servers();
  const names = JSON.stringify({ tags: Array.from({ length: 300_000 }, (_, i) => `${i}`) });
  const wide = JSON.stringify({ tags: ["x".repeat(4_000_000)] });
  let pages = 0;
  const own = servers.start((_, { pathname }) => {
    if (pathname.startsWith("/v2/long/")) return new Response(" ".repeat(5 * 1024 * 1024));
    if (pathname.startsWith("/v2/wide/")) {
      const link = `</v2/wide/tags/list?page=${++pages}>; rel="next"`;
      return new Response(wide, { headers: { link } });
    }
    const link = `</v2/many/tags/list?page=${++pages}>; rel="next"`;
    return new Response(names, { headers: { link } });
  });
  using client = new RegistryClient(configFor(own));
  assertEquals(await codeOf(() => client.tags("many")), "E_LIMIT");
  assertEquals(pages, 4);
  assertEquals(await codeOf(() => client.tags("long")), "E_LIMIT");
  pages = 0;
  assertEquals(await codeOf(() => client.tags("wide")), "E_LIMIT");
  assertEquals(pages, 34);
});

Deno.test("H22 referrers come from the API, else from the referrers tag, and from nowhere else", async () => {
  await using servers = new Servers();
  const one = { ...image.descriptor, artifactType: "application/x.signature" };
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const typed = (type: string, more = {}) => ({ headers: { "content-type": type, ...more } });
  const list = (link?: string, type = `${mediaType}; charset=utf-8`) =>
    Response.json(
      { schemaVersion: 2, mediaType, manifests: [one] },
      typed(type, link === undefined ? {} : { link: `<${link}>; rel="next"` }),
    );
  const subject = image.descriptor.digest as never;
  // The answers of registries without the API.
  const without = [
    ...[400, 404, 406].map((status) => () => new Response("", { status })),
    ...["text/html", "application/json", image.descriptor.mediaType].map((type) => () =>
      new Response("<html>", typed(type))
    ),
  ];
  const own = servers.start((_, { pathname, searchParams }) => {
    if (pathname.startsWith("/v2/api/referrers/")) {
      return list(searchParams.has("n") ? undefined : "?n=2");
    }
    if (pathname.startsWith("/v2/away/referrers/")) return list("http://127.0.0.1:1/evil");
    if (pathname.startsWith("/v2/junk/referrers/")) return new Response("{}", typed(mediaType));
    if (pathname.startsWith("/v2/half/referrers/")) {
      return searchParams.has("n") ? new Response("", { status: 400 }) : list("?n=2");
    }
    const [, name, rest = ""] = /^\/v2\/without-([0-9])(\/.*)$/.exec(pathname) ?? [];
    if (rest.startsWith("/referrers/")) return without[Number(name)]?.();
    const tag = `/manifests/${image.descriptor.digest.replace(":", "-")}`;
    return rest === tag || pathname === `/v2/tag${tag}` ? list(undefined, mediaType) : undefined;
  });
  using client = new RegistryClient(configFor(own));
  const types = async (repository: string) =>
    (await client.referrers(repository, subject)).map(({ artifactType }) => artifactType);
  assertEquals(await types("api"), [one.artifactType, one.artifactType]);
  assertEquals(await types("tag"), [one.artifactType]);
  assertEquals(await types("none"), []);
  for (const name of without.keys()) {
    assertEquals(await types(`without-${name}`), [one.artifactType], `${name}`);
  }
  assertEquals(await codeOf(() => client.referrers("half", subject)), "E_REGISTRY");
  assertEquals(await codeOf(() => client.referrers("away", subject)), "E_REGISTRY");
  assertEquals(await codeOf(() => client.referrers("junk", subject)), "E_FORMAT");
});

Deno.test("H23 temporary errors are retried, up to the limit", async () => {
  for (
    const [status, after] of [[429, "Thu, 01 Jan 1970 00:00:00 GMT"], [503, "soon"], [
      500,
      "",
    ]] as const
  ) {
    await using servers = new Servers();
    let left = 2;
    const own = servers.start(
      () =>
        left-- > 0 ? new Response("", { status, headers: { "retry-after": after } }) : undefined,
      imageAnswer(image),
    );
    assertEquals(await fetchConfig(configFor(own)), "ok");
    left = 100;
    const before = servers.seen.length;
    assertEquals(await fetchConfig(configFor(own)), "E_REGISTRY");
    assertEquals(servers.seen.length - before, 3);
  }
});

Deno.test("H27 the content type of a manifest must agree with its own mediaType", async () => {
  await using servers = new Servers();
  const type = image.descriptor.mediaType;
  const own = servers.start((_, { pathname }) =>
    new Response(image.manifest, { headers: { "content-type": atob(pathname.split("/").at(-1)!) } })
  );
  using client = new RegistryClient(configFor(own));
  const said = async (header: string) =>
    (await client.manifest({ repository: "app", tag: btoa(header) })).contentType;
  assertEquals(await said(`${type}; charset=utf-8`), type);
  assertEquals(await said("text/html"), "text/html");
});
