import { assertEquals } from "@std/assert";
import { isLoopback } from "../../../../lib/registry/http/loopback.ts";

Deno.test("loopback: names and addresses, and names that only look like one", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
    assertEquals(isLoopback(new URL(`http://${host}:5000`).hostname), true, host);
  }
  for (const host of ["localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1", "[::2]"]) {
    assertEquals(isLoopback(new URL(`http://${host}`).hostname), false, host);
  }
});
