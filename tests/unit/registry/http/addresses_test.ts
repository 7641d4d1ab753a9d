import { assertEquals, assertStringIncludes } from "@std/assert";
import { networkState } from "../../../../lib/registry/http/network_state.ts";
import { isLoopback } from "../../../../lib/registry/http/loopback.ts";
import { proxiesOf, proxyFor } from "../../../../lib/registry/http/proxy.ts";
import { shownUrl, shownWords } from "../../../../lib/registry/http/redact.ts";

Deno.test("loopback: names and addresses, and what only looks like one", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
    assertEquals(isLoopback(new URL(`http://${host}:5000`).hostname), true, host);
  }
  for (const host of ["localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1", "[::2]"]) {
    assertEquals(isLoopback(new URL(`http://${host}`).hostname), false, host);
  }
});

Deno.test("proxies: by scheme, but not for loopback and what no_proxy names", () => {
  const values: Record<string, string> = {
    HTTPS_PROXY: "http://proxy.example:3128",
    http_proxy: "http://plain.example:3128",
    NO_PROXY: "internal.example, .dot.example,10.0.0.0/8,host.example:8443",
  };
  const proxies = proxiesOf((name) => values[name]);
  const proxy = (url: string) => proxyFor(new URL(url), proxies);
  assertEquals(proxy("https://ghcr.io/v2/"), "http://proxy.example:3128");
  assertEquals(proxy("http://ghcr.io/v2/"), "http://plain.example:3128");
  for (
    const direct of [
      "http://localhost:5000",
      "https://127.0.0.1",
      "https://a.internal.example",
      "https://internal.example",
      "https://a.dot.example",
      "https://10.1.2.3",
      "https://host.example:8443",
    ]
  ) assertEquals(proxy(direct), null, direct);
  assertEquals(proxy("https://host.example"), "http://proxy.example:3128");
  assertEquals(proxy("https://11.1.2.3"), "http://proxy.example:3128");
  assertEquals(proxiesOf(() => undefined), { http: null, https: null, none: [] });
  const star = proxiesOf((name) => name === "no_proxy" ? "*" : "http://p.example");
  assertEquals(proxyFor(new URL("https://ghcr.io"), star), null);
});

Deno.test("proxies: addresses of both kinds in no_proxy, their networks and ports", () => {
  const direct = (none: string, url: string) =>
    proxyFor(new URL(url), { http: "http://p.example", https: null, none: [none] }) === null;
  for (
    const [none, url] of [
      ["fd00::1", "http://[fd00::1]:5000"],
      ["FD00:0:0::1", "http://[fd00::1]"],
      ["[fd00::1]", "http://[fd00::1]:5000"],
      ["[fd00:0::1]:5000", "http://[fd00::1]:5000"],
      ["fd00::/8", "http://[fd12:3::4]"],
      ["::/0", "http://[fe80::1]"],
      ["2001:db8:1:2:3:4:5:6/127", "http://[2001:db8:1:2:3:4:5:7]"],
      ["10.1.2.3:5000", "http://10.1.2.3:5000"],
      ["10.1.2.3/32", "http://10.1.2.3"],
      ["0.0.0.0/0", "http://10.1.2.3"],
    ] as const
  ) assertEquals(direct(none, url), true, `${none} ${url}`);
  for (
    const [none, url] of [
      ["fd00::1", "http://[fd00::2]"],
      ["[fd00::1]:5000", "http://[fd00::1]:5001"],
      ["fd00::/16", "http://[fd01::1]"],
      ["fd00::/129", "http://[fd00::1]"],
      ["::/0", "http://10.1.2.3"],
      ["0.0.0.0/0", "http://[fe80::1]"],
      ["10.1.2.3/33", "http://10.1.2.3"],
      ["10.1/16", "http://10.1.2.3"],
      ["10.1.2.999/8", "http://10.1.2.3"],
      ["2.3", "http://10.1.2.3"],
      ["fd00::1::2", "http://[fd00::1]"],
      ["dead.beef", "http://10.1.2.3"],
    ] as const
  ) assertEquals(direct(none, url), false, `${none} ${url}`);
});

Deno.test("H13 words: no query, no token, no password, no control, and not for ever", () => {
  assertEquals(shownUrl(new URL("https://u:p@a/b?sig=SECRET#x")), "https://a/b?…");
  const words = shownWords(
    "see https://u:pass@s3.example/b?sig=SECRET \x1b[2J\r\nBearer abc.def PASSWORD\u202e end",
    ["PASSWORD"],
  );
  assertEquals(words, "see https://s3.example/b?… [2J Bearer … … end");
  assertEquals([...shownWords("x".repeat(10_000))].length, 301);
  // A secret on the edge of what is looked at is not half shown.
  const secret = "SECRET-of-some-length";
  assertEquals(shownWords(secret.repeat(1000), [secret]).includes("SECRET"), false);
});

Deno.test("network errors: told by kind, without the address that fetch writes into them", () => {
  const failed = (message: string) => new TypeError("fetch failed", { cause: new Error(message) });
  const cases: [Error, string, boolean][] = [
    [failed("tcp connect error: x (os error 111)"), "the connection was refused", true],
    [failed("dns error: failed: Name or service not known"), "not known to the DNS", false],
    [failed("dns error: failed: Temporary failure in name resolution"), "DNS does not tell", true],
    [failed("invalid peer certificate: UnknownIssuer"), "hosts.toml: ca", false],
    [failed("invalid peer certificate: Other(CaUsedAsEndEntity)"), "CA:FALSE", false],
    [failed("invalid peer certificate: certificate expired: x"), "expired", false],
    [failed("corrupt message of type InvalidContentType"), "--plain-http", false],
    [new TypeError("Fetch failed: Requests to port 25 are blocked"), "never connects to", false],
    [failed("odd thing for url (https://a/b?sig=SECRET): odd"), "odd thing : odd", true],
  ];
  for (const [error, state, passes] of cases) {
    assertStringIncludes(networkState(error).state, state);
    assertEquals(networkState(error).passes, passes, state);
  }
});
