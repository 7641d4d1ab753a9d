import { assert, assertEquals } from "@std/assert";
import { parseChallenges } from "../../../../lib/registry/mod.ts";
import { threadCpuTime } from "../../../support/machine/cpu_time.ts";

function shown(header: string): unknown {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

Deno.test("challenges: one, with quotes, commas and escapes in its values", () => {
  const bearer = 'Bearer realm="https://a/token?x=1,2",service="s",scope="repository:a:pull,push"';
  assertEquals(shown(bearer), [["bearer", {
    realm: "https://a/token?x=1,2",
    service: "s",
    scope: "repository:a:pull,push",
  }]]);
  assertEquals(shown('Basic realm="a \\"b\\" \\\\c"'), [["basic", { realm: 'a "b" \\c' }]]);
  assertEquals(shown("Basic realm=x"), [["basic", { realm: "x" }]]);
});

Deno.test("challenges: several, joined by commas, with and without parameters", () => {
  assertEquals(shown('Negotiate, Basic realm="b", Bearer realm="c" , service=d'), [
    ["negotiate", {}],
    ["basic", { realm: "b" }],
    ["bearer", { realm: "c", service: "d" }],
  ]);
  assertEquals(shown('Negotiate YWJj==, Basic realm="b"'), [
    ["negotiate", {}],
    ["basic", { realm: "b" }],
  ]);
  assertEquals(shown('BEARER Realm = "c"'), [["bearer", { realm: "c" }]]);
});

Deno.test("H11 challenges: reading stops where the header is malformed; the first of two equal parameters counts", () => {
  assertEquals(shown('Basic realm="ok", Bearer realm="never ends'), [["basic", { realm: "ok" }]]);
  assertEquals(shown('Bearer realm="a",realm="b"'), [["bearer", { realm: "a" }]]);
  assertEquals(shown('Bearer realm="a\r\nx: y"'), []);
  assertEquals(shown('Bearer realm="a"junk="b"'), []);
  assertEquals(shown(""), []);
  assertEquals(shown(",,,"), []);
  assertEquals(shown("="), []);
});

Deno.test("H11 challenges: their number and the length of the header are bounded, and the time is linear", () => {
  assertEquals(parseChallenges("Basic realm=a, ".repeat(100)).length, 16);
  assertEquals(parseChallenges(`Basic realm="${"a".repeat(1 << 20)}"`), []);
  const many = Array.from({ length: 100 }, (_, i) => `p${i}=1`).join(",");
  assertEquals(parseChallenges(`Bearer ${many}`), []);
  const begun = threadCpuTime();
  for (const hard of [" ", ",", "\\", "a=", "A ", '"']) {
    parseChallenges("Bearer " + hard.repeat(16_000 / hard.length));
    parseChallenges('Bearer realm="' + hard.repeat(16_000 / hard.length));
  }
  const work = threadCpuTime() - begun;
  // Quadratic work would be minutes.
  assert(work < 5000, `${work} ms of CPU`);
});
