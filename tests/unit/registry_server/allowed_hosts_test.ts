import { assertEquals } from "@std/assert";
import { isAllowedHost, isLoopback } from "../../../lib/registry_server/allowed_hosts.ts";

Deno.test("server: loopback addresses, and Host headers that are answered", () => {
  for (const name of ["127.0.0.1", "127.8.9.10", "::1", "localhost"]) {
    assertEquals(isLoopback(name), true, name);
  }
  for (const name of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.com", "example.org", ""]) {
    assertEquals(isLoopback(name), false, name);
  }
  for (
    const host of [
      "localhost:5000",
      "LOCALHOST",
      "127.0.0.1:1",
      "[::1]:5000",
      "app.localhost:80",
      "host.docker.internal:5000",
    ]
  ) assertEquals(isAllowedHost(host), true, host);
  for (const host of ["", "evil.com", "localhost.evil.com:5000", "127.0.0.1.evil.com", "a:b:c"]) {
    assertEquals(isAllowedHost(host), false, host);
  }
});
