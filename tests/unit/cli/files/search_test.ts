import { assertEquals } from "@std/assert";
import { compileSearch, searchLines } from "../../../../lib/cli/files/search.ts";
import { prng } from "../../../support/prng.ts";

async function found(text: string, cuts: readonly number[], pattern: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  async function* chunks() {
    let from = 0;
    for (const at of [...cuts, bytes.length]) {
      yield await Promise.resolve(bytes.subarray(from, at));
      from = at;
    }
  }
  const out: string[] = [];
  for await (const line of searchLines(chunks(), compileSearch(pattern, {}))) {
    out.push(
      line === "binary" ? line : `${line.number}:${new TextDecoder().decode(line.bytes)}`,
    );
  }
  return out;
}

Deno.test("lines are found and numbered wherever the chunks are cut", async () => {
  const random = prng(5);
  for (let i = 0; i < 200; i++) {
    const lines = Array.from(
      { length: random.int(1, 12) },
      () => "ab\u00fcc".repeat(random.int(0, 3)),
    );
    const text = lines.join("\n") + (random.int(0, 1) === 0 ? "\n" : "");
    const size = new TextEncoder().encode(text).length;
    const cuts = Array.from({ length: random.int(0, 5) }, () => random.int(0, size)).sort((a, b) =>
      a - b
    );
    const all = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text.split("\n");
    const wanted = all.flatMap((line, at) => /üc$/.test(line) ? [`${at + 1}:${line}`] : []);
    assertEquals(await found(text, cuts, "üc$"), wanted, JSON.stringify([text, cuts]));
  }
});

Deno.test("an assertion does not look beyond its line, and a binary file is found once", async () => {
  assertEquals(await found("foo\nbar\n", [], "foo(?!\\s*bar)"), ["1:foo"]);
  assertEquals(await found("a\0b\na\na\n", [4], "a"), ["binary"]);
  assertEquals(await found("a\rb\n", [], "a.b"), ["1:a\rb"]);
});

Deno.test("a line without an end is searched in pieces", async () => {
  const piece = "x".repeat(600_000);
  const text = `${piece}${piece}needle${piece}\nneedle\n`;
  const lines = await found(text, [600_000, 1_200_000, 1_300_000], "needle");
  assertEquals(lines.map((line) => line.slice(0, 3)), ["1:n", "2:n"]);
  // Its pieces have one number, also where none of them may match.
  const far = `${piece}${piece}${piece}${piece}\nneedle\n`;
  assertEquals(await found(far, [1_100_000, 2_300_000], "needle"), ["2:needle"]);
  assertEquals(await found(`a\n${far}`, [1_200_000, 2_400_002, 2_400_003], "needle"), ["3:needle"]);
});
