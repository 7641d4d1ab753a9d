import { assertEquals } from "@std/assert";
import { proxiesOf, proxyFor } from "../../../../lib/registry/http/proxy.ts";

Deno.test("proxies: chosen by scheme, but none for loopback and for no_proxy", () => {
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

Deno.test("proxies: IPv4 and IPv6 addresses, networks and ports in no_proxy", () => {
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
