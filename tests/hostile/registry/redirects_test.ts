import { assertEquals } from "@std/assert";
import { type ClientConfig, RegistryClient } from "../../../lib/registry/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { configFor, Servers } from "../../support/registry/hostile_registry.ts";

const image = sampleImage();
const blob = { digest: image.imageId as never, size: image.config.length };

async function fetchConfig(config: ClientConfig): Promise<string> {
  using client = new RegistryClient(config);
  return await codeOf(() => client.smallBlob("app", blob, 1 << 20));
}

Deno.test("H05 redirects to other schemes and to malformed addresses are refused", async () => {
  const locations = [
    "file:///etc/passwd",
    "data:text/plain,x",
    "ftp://h/x",
    "http://user:pass@127.0.0.1/",
    "http://[",
  ];
  for (const location of locations) {
    await using servers = new Servers();
    const own = servers.start((_, { pathname }) =>
      pathname.startsWith("/v2")
        ? new Response("", { status: 307, headers: { location } })
        : undefined
    );
    assertEquals(await fetchConfig(configFor(own)), "E_REGISTRY", location);
    assertEquals(servers.seen.length, 1, location);
  }
});

Deno.test("H06 ten redirects are followed, not eleven; a loop, a missing address and 304 are refused", async () => {
  const hops = async (count: number) => {
    await using servers = new Servers();
    const own = servers.start((_, { pathname }) => {
      const hop = Number(/^\/hop\/(\d+)$/.exec(pathname)?.[1] ?? 0);
      if (hop === count) return new Response(image.config);
      const location = `/hop/${hop + 1}`;
      return new Response("", { status: 307, headers: { location } });
    });
    return [await fetchConfig(configFor(own)), servers.seen.length];
  };
  assertEquals(await hops(10), ["ok", 11]);
  assertEquals(await hops(11), ["E_REGISTRY", 11]);
  assertEquals(await hops(20), ["E_REGISTRY", 11]);
  {
    await using servers = new Servers();
    const own = servers.start(() =>
      new Response("", { status: 307, headers: { location: "/loop" } })
    );
    assertEquals(await fetchConfig(configFor(own)), "E_REGISTRY");
    assertEquals(servers.seen.length, 11);
  }
  for (const answer of [{ status: 307 }, { status: 304 }]) {
    await using servers = new Servers();
    const own = servers.start(() => new Response(null, answer));
    assertEquals(await fetchConfig(configFor(own)), "E_REGISTRY");
  }
});
