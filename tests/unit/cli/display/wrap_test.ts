import { assert, assertEquals } from "@std/assert";
import { printableLine } from "../../../../lib/cli/display/printable.ts";
import { textWidth } from "../../../../lib/cli/display/width.ts";
import { wrapLine, wrapParts, wrapText } from "../../../../lib/cli/display/wrap.ts";
import { prng } from "../../../support/prng.ts";

Deno.test("wrap: random lines fit, and every word that fits the width is whole", () => {
  const random = prng(5);
  for (let i = 0; i < 2000; i++) {
    const width = random.int(10, 60);
    const words = Array.from(
      { length: random.int(0, 30) },
      () => random.pick(["a", "日本"]).repeat(random.int(1, random.int(2, 40))),
    );
    const line = " ".repeat(random.int(0, 20)) + words.join(" ".repeat(random.int(1, 3)));
    const lines = wrapLine(line, width);
    for (const one of lines) {
      const fits = textWidth(one) <= width || textWidth(one.trim()) > width && !/\S +\S/.test(one);
      assert(fits, JSON.stringify([width, line, one]));
    }
    assertEquals(lines.join(" ").split(/ +/).filter(Boolean), words);
  }
});

Deno.test("wrap: a line continues below its value, or a little to the right", () => {
  assertEquals(wrapLine("  layers    one two three", 24), [
    "  layers    one two",
    "            three",
  ]);
  assertEquals(wrapLine("a warning of many words", 12), ["a warning of", "  many words"]);
  assertEquals(wrapLine("a warning of many words", 12, 0), ["a warning of", "many words"]);
  assertEquals(wrapLine("a bbbbbbbbbbb", 12), ["a", " bbbbbbbbbbb"]);
  assertEquals(wrapLine("  image ID  0123456789ab", 20, 12), ["  image ID", "    0123456789ab"]);
  assertEquals(wrapLine("", 12), [""]);
  assertEquals(wrapLine('x {"a","b","c":[1]}', 10), ['x {"a",', '  "b",', '  "c":[1]}']);
});

Deno.test("wrap: a text in parts is wrapped by lines; without a terminal nothing changes", () => {
  const parts = ["one two", " three\nfo", "ur\n", "", "last of them"];
  const text = parts.join("");
  assertEquals([...wrapParts(parts, undefined)], parts);
  assertEquals([...wrapParts(parts, 10)].join(""), "one two\n  three\nfour\nlast of\n  them");
  assertEquals(wrapText(text, 10), [...wrapParts(parts, 10)].join(""));
  assertEquals(wrapText(text, undefined), text);
});

Deno.test("wrap: foreign text on one line is cut after a word, on a terminal only", () => {
  const text = `RUN ${"x".repeat(50)} && ${"y".repeat(30)}`;
  assertEquals(printableLine(text, 60, undefined), text);
  assertEquals(printableLine(text, 60, 80), `RUN ${"x".repeat(50)} &&…`);
  assertEquals(printableLine(text, 20, 80), "RUN…");
  assertEquals(printableLine("x".repeat(70), 60, 80), `${"x".repeat(70)}…`);
  assertEquals(printableLine("x".repeat(90), 60, 80), `${"x".repeat(59)}…`);
  assertEquals(printableLine("😀".repeat(90), 6, 80), "😀😀😀…");
  assertEquals(printableLine(" a\n\tb ", 60, 80), "a b");
});
