import { assertEquals } from "@std/assert";
import { redactText, redactUrl } from "../../../../lib/registry/http/redact.ts";

Deno.test("H13 redacted text: no query, token, password or control character, and a bounded length", () => {
  assertEquals(redactUrl(new URL("https://u:p@a/b?sig=SECRET#x")), "https://a/b?…");
  const words = redactText(
    "see https://u:pass@s3.example/b?sig=SECRET \x1b[2J\r\nBearer abc.def PASSWORD\u202e end",
    ["PASSWORD"],
  );
  assertEquals(words, "see https://s3.example/b?… [2J Bearer … … end");
  assertEquals([...redactText("x".repeat(10_000))].length, 301);
  // A secret at the cut is not shown in part.
  const secret = "SECRET-of-some-length";
  assertEquals(redactText(secret.repeat(1000), [secret]).includes("SECRET"), false);
});
