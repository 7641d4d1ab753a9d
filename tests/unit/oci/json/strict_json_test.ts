import { assertEquals, assertThrows } from "@std/assert";
import { encodeJson, jsonText, parseStrictJson, sortedMap } from "../../../../lib/oci/mod.ts";
import { forSeeds, type Prng } from "../../../support/prng.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseStrictJson(utf8(text));

Deno.test("every kind of value is read", () => {
  assertEquals(parse(' [null, true, false, -0.5e1, "a", {}] '), [
    null,
    true,
    false,
    -5,
    "a",
    Object.create(null),
  ]);
  assertEquals(
    parse('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é😀"'),
    '"\\/\b\f\n\r\té😀é😀',
  );
});

Deno.test("integers beyond 2^53 stay exact when read and written", () => {
  assertEquals(parse("9007199254740991"), 9007199254740991);
  assertEquals(parse("9007199254740993"), 9007199254740993n);
  assertEquals(parse("-123456789012345678901234567890"), -123456789012345678901234567890n);
  assertEquals(jsonText(parse("[9007199254740993]")), "[9007199254740993]");
});

Deno.test("encoding leaves out undefined fields, and keeps the order of keys", () => {
  assertEquals(
    jsonText({ b: 1, a: undefined, c: [null, "x", { y: false }] }),
    '{"b":1,"c":[null,"x",{"y":false}]}',
  );
  assertEquals(encodeJson({ a: "é" }), utf8('{"a":"é"}'));
  for (const bad of [NaN, Infinity]) assertThrows(() => jsonText({ a: [bad] }), RangeError);
});

Deno.test("a sorted map is sorted by code units, and undefined when empty", () => {
  assertEquals(Object.keys(sortedMap({ b: "1", a: "2", B: "3" }) ?? {}), ["B", "a", "b"]);
  assertEquals([sortedMap({}), sortedMap(undefined)], [undefined, undefined]);
});

function value(random: Prng, depth: number): unknown {
  switch (random.int(0, depth > 0 ? 7 : 5)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.int(-1000, 1000) / random.pick([1, 8, 1000]);
    case 2:
      return random.int(0, 2 ** 53 - 1);
    case 3:
    case 4:
      return text(random);
    case 5:
      return Array.from({ length: random.int(0, 5) }, () => value(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(0, 5) }, () => [text(random), value(random, depth - 1)]),
      );
  }
}

function text(random: Prng): string {
  const chars = ["a", '"', "\\", "\n", "\u0000", "é", "😀", "\u2028", "/", "__proto__"];
  return Array.from({ length: random.int(0, 6) }, () => random.pick(chars)).join("");
}

Deno.test("all that JSON.stringify writes is read and written back the same", async () => {
  await forSeeds(1000, (random) => {
    const written = JSON.stringify(value(random, 4), null, random.pick([0, 1, 2]));
    const read = parse(written);
    assertEquals(jsonText(read), JSON.stringify(JSON.parse(written)));
  });
});

Deno.test("the strict reader refuses all mutated text that JSON.parse refuses", async () => {
  let refused = 0;
  await forSeeds(2000, (random) => {
    const written = JSON.stringify(value(random, 3));
    const at = random.int(0, written.length + 1);
    const piece = random.pick(["", ",", "]", "}", '"', "\\", "0", "-", "e", ".", " ", "nul", ":"]);
    const mutated = written.slice(0, at) + piece + written.slice(at + random.int(0, 2));
    let expected = true;
    try {
      JSON.parse(mutated);
    } catch {
      expected = false;
    }
    if (expected) return;
    refused++;
    assertThrows(() => parse(mutated), Error, undefined, JSON.stringify(mutated));
  });
  assertEquals(refused > 500, true, `${refused}`);
});
