import { assertEquals } from "@std/assert";
import { parseListen } from "../../../lib/cli/verbs/registry/serve.ts";

Deno.test("registry serve: --listen takes an address and a port", () => {
  assertEquals(parseListen("127.0.0.1:5000"), { hostname: "127.0.0.1", port: 5000 });
  assertEquals(parseListen("[::1]:0"), { hostname: "::1", port: 0 });
  assertEquals(parseListen("localhost:65535").port, 65_535);
  for (const bad of ["", "5000", "127.0.0.1", "127.0.0.1:", ":5000", "a:65536", "::1:5", "a:-1"]) {
    let code = "ok";
    try {
      parseListen(bad);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "E_USAGE", bad);
  }
});
