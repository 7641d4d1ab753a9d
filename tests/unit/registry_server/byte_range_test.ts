import { assertEquals } from "@std/assert";
import { parseRange } from "../../../lib/registry_server/byte_range.ts";

Deno.test("server: Range headers: one range, or the whole", () => {
  for (
    const [header, expected] of [
      [undefined, undefined],
      ["bytes=0-", { start: 0, end: 10 }],
      ["bytes=0-0", { start: 0, end: 1 }],
      ["bytes=9-99", { start: 9, end: 10 }],
      ["bytes=-3", { start: 7, end: 10 }],
      ["bytes=-99", { start: 0, end: 10 }],
      ["bytes=10-", "unsatisfiable"],
      ["bytes=-0", "unsatisfiable"],
      ["bytes=5-4", undefined],
      ["bytes=-", undefined],
      ["bytes=0-1,3-4", undefined],
      ["bytes=a-b", undefined],
      ["bits=0-1", undefined],
    ] as const
  ) assertEquals(parseRange(header, 10), expected, header);
  assertEquals(parseRange("bytes=0-", 0), "unsatisfiable");
});
