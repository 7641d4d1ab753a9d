/** Addresses that a public registry must not lead to. Nothing but loopback is ever connected to. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { Transport } from "../../../lib/registry/client/transport.ts";
import type { Addresses } from "../../../lib/registry/http/address_rule.ts";
import { isInternalAddress } from "../../../lib/registry/http/ip_address.ts";
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

const image = sampleImage();
const blob = { digest: image.imageId as never, size: image.config.length };

/** Hosts as an attacker writes them, and as they are named in the error. */
const HOSTS = [
  ["169.254.169.254", "169.254.169.254"],
  ["127.0.0.1", "127.0.0.1"],
  ["10.1.2.3", "10.1.2.3"],
  ["172.16.0.1", "172.16.0.1"],
  ["172.31.255.254", "172.31.255.254"],
  ["192.168.1.1", "192.168.1.1"],
  ["100.64.0.1", "100.64.0.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["0", "0.0.0.0"],
  ["2130706433", "127.0.0.1"],
  ["0x7f000001", "127.0.0.1"],
  ["0x7f.1", "127.0.0.1"],
  ["0177.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["0xa9fea9fe", "169.254.169.254"],
  ["169.254.169.254.", "169.254.169.254"],
  ["%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1", "127.0.0.1"],
  ["[::1]", "::1"],
  ["[::]", "::"],
  ["[fc00::1]", "fc00::1"],
  ["[fd12:3456::1]", "fd12:3456::1"],
  ["[fe80::1]", "fe80::1"],
  ["[::ffff:127.0.0.1]", "::ffff:7f00:1"],
  ["[::ffff:a9fe:a9fe]", "::ffff:a9fe:a9fe"],
  ["[::127.0.0.1]", "::7f00:1"],
  ["[64:ff9b::7f00:1]", "64:ff9b::7f00:1"],
  ["[2002:7f00:1::]", "2002:7f00:1::"],
  ["localhost", "localhost"],
  ["a.localhost", "a.localhost"],
] as const;

/** A configuration for `http://registry.test`, whose name a proxy looks up: what the registry is counts as public. */
function publicRegistry(proxy: string, more: Partial<ClientConfig> = {}): ClientConfig {
  return configFor("http://registry.test", {}, {
    proxies: { http: proxy, https: null, none: [] },
    ...more,
  });
}

Deno.test("H31 a redirect of a blob or manifest, and a realm, do not lead to an address that is not public", async () => {
  await using servers = new Servers();
  const inside = servers.start(() => Response.json({ token: "TOKEN-1" }));
  const { port } = new URL(inside);
  let target = "";
  const redirect: Answer = () => new Response("", { status: 307, headers: { location: target } });
  const realm = bearerAnswer("never", () => target);
  using redirected = new RegistryClient(publicRegistry(servers.start(redirect)));
  using challenged = new RegistryClient(publicRegistry(servers.start(realm)));
  for (const [host, named] of HOSTS) {
    target = `http://${host}:${port}/x`;
    for (const client of [redirected, challenged]) {
      for (const what of ["blob", "manifest"]) {
        const error = await assertRejects<VarveError>(
          () =>
            what === "blob"
              ? client.smallBlob("app", blob, 1 << 20)
              : client.manifest({ repository: "app" }),
          VarveError,
        );
        assertEquals(error.code, "E_REGISTRY", `${host}: ${error.message}`);
        assertStringIncludes(error.message, `leads to ${named}`);
      }
    }
  }
  assertEquals(servers.seen.filter(({ origin }) => origin === inside), []);
});

Deno.test("H32 the address that a name resolves to counts, and it is the one that is connected to", async () => {
  await using servers = new Servers();
  const storage = servers.start((_, { pathname }) =>
    pathname === "/token" ? Response.json({ token: "TOKEN-1" }) : new Response(image.config)
  );
  const port = new URL(storage).port;
  let target = "";
  const own = servers.start(() =>
    new Response("", { status: 307, headers: { location: `http://${target}:${port}/x` } })
  );
  const asked: string[] = [];
  const names: Record<string, readonly string[]> = {
    // None of these is known to the system's DNS: who reaches it was told the address.
    "cdn.example": ["127.0.0.1"],
    "first-refuses.example": ["127.0.0.9", "127.0.0.1"],
    "private.example": ["10.0.0.1"],
    "one-of-two.example": ["127.0.0.1", "fd00::1"],
    "metadata.example": ["169.254.169.254"],
    "nothing.example": [],
  };
  // 127/8 stands for the public internet here.
  const addresses: Addresses = {
    resolve(name) {
      asked.push(name);
      return Promise.resolve(names[name] ?? []);
    },
    isInternal: (address) => !address.startsWith("127.") && isInternalAddress(address),
  };
  const read = async (to: string) => {
    target = to;
    using transport = new Transport(configFor(own, {}, { attempts: 1 }), {}, addresses);
    const endpoint = transport.config.endpoints[0] as never;
    const request = { method: "GET", path: "/x", scope: "", action: "fetch it" };
    for (let times = 0; times < 2; times++) {
      await transport.read(endpoint, request, { maxBytes: 1 << 20 });
    }
  };
  await read("cdn.example");
  assertEquals(asked, ["cdn.example"], "one look-up for the judgement and all connections");
  await read("first-refuses.example");
  for (
    const [name, state] of [
      ["private.example", "leads to private.example, whose address 10.0.0.1 is not public"],
      ["one-of-two.example", "whose address fd00::1 is not public"],
      ["metadata.example", "whose address 169.254.169.254 is not public"],
      ["nothing.example", "its name has no address"],
    ] as const
  ) {
    const error = await assertRejects(() => read(name), VarveError, state);
    assertEquals(error.code, "E_REGISTRY");
  }
});

Deno.test("H33 a registry that is itself inside may lead inside, and so may one that hosts.toml allows it", async () => {
  await using servers = new Servers();
  const storage = servers.start(() => new Response(image.config));
  const redirect: Answer = () =>
    new Response("", { status: 307, headers: { location: `${storage}/x` } });
  const fetched = async (config: ClientConfig) => {
    using client = new RegistryClient(config);
    return await codeOf(() => client.smallBlob("app", blob, 1 << 20));
  };
  const inside = servers.start(redirect);
  assertEquals(await fetched(configFor(inside)), "ok");
  assertEquals(await fetched(configFor(inside.replace("127.0.0.1", "localhost"))), "ok");
  const proxy = servers.start(redirect);
  const outside = publicRegistry(proxy, { attempts: 1 });
  assertEquals(await fetched(outside), "E_REGISTRY");
  const [endpoint] = outside.endpoints;
  if (endpoint === undefined) throw new Error("no endpoint");
  const allowed = { ...endpoint, redirects: [storage] };
  assertEquals(await fetched({ ...outside, endpoints: [allowed] }), "ok");
  // Another port of the same machine was not named.
  const other = { ...endpoint, redirects: [proxy] };
  assertEquals(await fetched({ ...outside, endpoints: [other] }), "E_REGISTRY");
  const mirror = { ...endpoint, origin: storage, capabilities: ["push" as const] };
  assertEquals(await fetched({ ...outside, endpoints: [mirror, endpoint] }), "ok");
});

Deno.test("H34 a mirror that hosts.toml names inside does not open the inside to the public registry", async () => {
  await using servers = new Servers();
  const secret = servers.start(() => new Response("SECRET"));
  const mirror = servers.start(() => new Response("", { status: 404 }));
  const proxy = servers.start(
    (_, { pathname }) =>
      pathname.includes("/blobs/")
        ? new Response("", { status: 302, headers: { location: `${secret}/x` } })
        : undefined,
    imageAnswer(image),
  );
  const config = publicRegistry(proxy);
  const [own] = config.endpoints;
  if (own === undefined) throw new Error("no endpoint");
  using client = new RegistryClient({
    ...config,
    endpoints: [{ ...own, origin: mirror, namespace: "registry.test" }, own],
  });
  assertEquals(await codeOf(() => client.smallBlob("app", blob, 1 << 20)), "E_REGISTRY");
  assertEquals(servers.seen.filter(({ origin }) => origin === secret), []);
});

Deno.test("H02 a redirect to an address with a user is refused, also where the server is there", async () => {
  await using servers = new Servers();
  const other = servers.start(() => new Response(image.config));
  let location = "";
  const own = servers.start(() => new Response("", { status: 307, headers: { location } }));
  for (const user of ["u:p@", "u@", ":p@"]) {
    location = other.replace("//", `//${user}`);
    using client = new RegistryClient(configFor(own));
    assertEquals(await codeOf(() => client.smallBlob("app", blob, 1 << 20)), "E_REGISTRY", user);
  }
  assertEquals(servers.seen.filter(({ origin }) => origin === other), []);
});
