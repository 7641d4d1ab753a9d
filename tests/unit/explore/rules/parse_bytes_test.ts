import { assertEquals } from "@std/assert";
import { parseBytes } from "../../../../lib/explore/rules/parse_bytes.ts";

Deno.test("numbers of bytes are read as dive reads them", () => {
  const cases: readonly (readonly [text: string, bytes: number | undefined])[] = [
    ["0", 0],
    ["42", 42],
    ["42B", 42],
    ["20MB", 20_000_000],
    ["20mb", 20_000_000],
    ["20 M", 20_000_000],
    ["1.5 GiB", 1.5 * 1024 ** 3],
    ["10ki", 10 * 1024],
    ["1,000 kB", 1_000_000],
    ["2TB", 2e12],
    ["1PiB", 1024 ** 5],
    ["", undefined],
    ["MB", undefined],
    ["-1", undefined],
    ["1 apple", undefined],
    ["1e3", undefined],
    ["Infinity", undefined],
  ];
  for (const [text, bytes] of cases) assertEquals(parseBytes(text), bytes, text);
});
