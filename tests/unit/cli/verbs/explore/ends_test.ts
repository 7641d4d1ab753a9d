import { assertEquals } from "@std/assert";
import { explore } from "../../../../../lib/cli/verbs/explore/explore.ts";

Deno.test("explore ends at once at a signal, unless it serves a page or writes a file", () => {
  const { onlyReads } = explore;
  if (typeof onlyReads !== "function") throw new TypeError("it depends on the options");
  assertEquals(onlyReads({}), true);
  assertEquals(onlyReads({ ci: true }), true);
  assertEquals(onlyReads({ port: "0" }), false);
  assertEquals(onlyReads({ output: "page.html" }), false);
});
