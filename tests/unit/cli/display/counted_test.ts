import { assertEquals } from "@std/assert";
import { counted } from "../../../../lib/cli/display/counted.ts";

Deno.test("counted: one thing has a word of its own", () => {
  assertEquals([0, 1, 2].map((count) => counted(count, "file")), ["0 files", "1 file", "2 files"]);
  assertEquals([1, 9].map((count) => counted(count, "entry", "entries")), ["1 entry", "9 entries"]);
});
