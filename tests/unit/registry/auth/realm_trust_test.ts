import { assertEquals } from "@std/assert";
import { createRequire } from "node:module";
import { realmIsTrusted } from "../../../../lib/registry/auth/realm_trust.ts";

async function judge(cases: readonly (readonly [string, string])[], trusted: boolean) {
  for (const [registry, realm] of cases) {
    const [a, b] = [new URL(registry), new URL(realm)];
    assertEquals(await realmIsTrusted(a, b), trusted, `${registry} ${realm}`);
    if (a.protocol === b.protocol) {
      assertEquals(await realmIsTrusted(b, a), trusted, `${realm} ${registry}`);
    }
  }
}

// The first test of the file: the others load the list.
Deno.test("H07 realms: the list is loaded only where two hosts differ", async () => {
  const { cache } = createRequire(import.meta.url);
  const isLoaded = () => Object.keys(cache).some((path) => path.includes("/tldts/"));
  await judge([["https://mine.example", "https://mine.example/token"]], true);
  assertEquals(isLoaded(), false);
  await judge([["https://mine.example", "https://auth.mine.example/token"]], true);
  assertEquals(isLoaded(), true);
});

Deno.test("H07 realms: the same host, or another of the same registrable domain", async () => {
  await judge([
    ["https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ["https://ghcr.io", "https://ghcr.io/token"],
    ["https://gcr.io", "https://gcr.io/token"],
    ["http://localhost:5000", "http://localhost:6000/token"],
    // A suffix of two labels, a suffix with a wildcard's exception, a suffix that nobody registered.
    ["https://registry.firm.co.uk", "https://auth.firm.co.uk/token"],
    ["https://registry.firm.com.au", "https://firm.com.au/token"],
    ["https://registry.city.kawasaki.jp", "https://auth.city.kawasaki.jp/token"],
    ["https://registry.firm.internal", "https://auth.firm.internal/token"],
    ["https://registry.bücher.example", "https://auth.xn--bcher-kva.example/token"],
    ["https://REGISTRY.firm.example", "https://auth.firm.example./token"],
  ], true);
  await judge([
    ["https://registry.io", "https://registry.io.evil.example/token"],
    ["https://registry.io", "https://evilregistry.io/token"],
    ["https://registry.io", "http://registry.io/token"],
    ["https://a.co.uk", "https://b.co.uk/token"],
    ["https://a.com.au", "https://b.com.au/token"],
    ["https://a.b.kawasaki.jp", "https://c.b.kawasaki.jp/token"],
    ["https://co.uk", "https://a.co.uk/token"],
    ["https://internal", "https://firm.internal/token"],
    ["https://1.2.3.4", "https://9.9.3.4/token"],
    ["http://localhost:5000", "http://127.0.0.1:5000/token"],
    ["http://a.localhost", "http://b.localhost/token"],
    ["https://[::1]", "https://[::2]/token"],
  ], false);
});

Deno.test("H07 realms: hosts below a shared domain do not share credentials", async () => {
  await judge(
    [
      // The private part of the list.
      "github.io",
      "gitlab.io",
      "vercel.app",
      "workers.dev",
      "a.run.app",
      "cloudfront.net",
      "blob.core.windows.net",
      "googleapis.com",
      "s3.amazonaws.com",
      // What the list lacks.
      "amazonaws.com",
      "azurecr.io",
      "azure.com",
      "jfrog.io",
      "ocir.io",
      "pkg.dev",
      "windows.net",
    ].map((domain) => [`https://mine.${domain}`, `https://evil.${domain}/token`] as const),
    false,
  );
  await judge([
    // Names of one owner by the list; it does not know how such hosts share what is below.
    ["https://mine.github.io", "https://auth.mine.github.io/token"],
    ["https://storage.googleapis.com", "https://evil.storage.googleapis.com/token"],
    // ECR: the accounts stand two labels below what the list calls a domain.
    [
      "https://1.dkr.ecr.us-east-1.amazonaws.com",
      "https://2.dkr.ecr.us-east-1.amazonaws.com/token",
    ],
    ["https://1.dkr.ecr.no-such-1.amazonaws.com", "https://2.dkr.ecr.no-such-1.amazonaws.com/t"],
    ["https://1.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://2.amazonaws.com.cn/token"],
    ["https://1.dkr-ecr.us-east-1.on.aws", "https://2.dkr-ecr.us-east-1.on.aws/token"],
    // The suffix itself belongs to whoever runs it, and is no domain.
    ["https://mine.github.io", "https://github.io/token"],
    ["https://mine.azurecr.io", "https://azurecr.io/token"],
    ["https://mine.azurecr.io", "https://evil.azurecr.io./token"],
  ], false);
  // The same host is always itself.
  await judge([
    ["https://mine.github.io", "https://mine.github.io:8443/token"],
    ["https://mine.azurecr.io", "https://mine.azurecr.io/oauth2/token"],
    ["https://1.2.3.4:5000", "https://1.2.3.4/token"],
  ], true);
});
