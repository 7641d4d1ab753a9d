import { assertEquals, assertStringIncludes } from "@std/assert";
import { explainNetworkError } from "../../../../lib/registry/http/network_error.ts";

Deno.test("network errors: explained by kind, without the address that fetch puts into them", () => {
  const failed = (message: string) => new TypeError("fetch failed", { cause: new Error(message) });
  const cases: [Error, string, boolean][] = [
    [failed("tcp connect error: x (os error 111)"), "the connection was refused", true],
    [failed("dns error: failed: Name or service not known"), "not known to the DNS", false],
    [
      failed("dns error: failed: Temporary failure in name resolution"),
      "DNS lookup of its name failed",
      true,
    ],
    [failed("invalid peer certificate: UnknownIssuer"), "hosts.toml: ca", false],
    [failed("invalid peer certificate: Other(CaUsedAsEndEntity)"), "CA:FALSE", false],
    [failed("invalid peer certificate: certificate expired: x"), "expired", false],
    [failed("corrupt message of type InvalidContentType"), "does not speak TLS", false],
    [new TypeError("Fetch failed: Requests to port 25 are blocked"), "never connects to", false],
    [failed("odd thing for url (https://a/b?sig=SECRET): odd"), "odd thing : odd", true],
  ];
  for (const [error, state, isTransient] of cases) {
    assertStringIncludes(explainNetworkError(error).state, state);
    assertEquals(explainNetworkError(error).isTransient, isTransient, state);
  }
});
