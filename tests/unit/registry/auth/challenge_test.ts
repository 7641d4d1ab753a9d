import { assertEquals } from "@std/assert";
import { parseNextLink } from "../../../../lib/registry/client/list/link.ts";
import { parseChallenges } from "../../../../lib/registry/mod.ts";

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

Deno.test("H11 challenges: what is malformed ends the reading, the first of a name counts", () => {
  assertEquals(shown('Basic realm="ok", Bearer realm="never ends'), [["basic", { realm: "ok" }]]);
  assertEquals(shown('Bearer realm="a",realm="b"'), [["bearer", { realm: "a" }]]);
  assertEquals(shown('Bearer realm="a\r\nx: y"'), []);
  assertEquals(shown('Bearer realm="a"junk="b"'), []);
  assertEquals(shown(""), []);
  assertEquals(shown(",,,"), []);
  assertEquals(shown("="), []);
});

Deno.test("H11 challenges: a hundred, a header of a mebibyte and long runs are bounded", () => {
  assertEquals(parseChallenges("Basic realm=a, ".repeat(100)).length, 16);
  assertEquals(parseChallenges(`Basic realm="${"a".repeat(1 << 20)}"`), []);
  const many = Array.from({ length: 100 }, (_, i) => `p${i}=1`).join(",");
  assertEquals(parseChallenges(`Bearer ${many}`), []);
  const begun = performance.now();
  for (const hard of [" ", ",", "\\", "a=", "A ", '"']) {
    parseChallenges("Bearer " + hard.repeat(16_000 / hard.length));
    parseChallenges('Bearer realm="' + hard.repeat(16_000 / hard.length));
  }
  // Quadratic time would be minutes.
  assertEquals(performance.now() - begun < 5000, true);
});

Deno.test("H22 links: the next page, quoted or not, among others", () => {
  const base = new URL("http://r.example/v2/a/tags/list");
  const next = (header: string) => parseNextLink(header, base)?.href;
  assertEquals(next('</v2/a/tags/list?last=b&n=2>; rel="next"'), `${base}?last=b&n=2`);
  assertEquals(next('<?n=1>; rel="prev", <?n=2>; title="a, b"; rel=next'), `${base}?n=2`);
  assertEquals(next('<?n=2>; rel="next last"'), `${base}?n=2`);
  assertEquals(next('<?n=2>; rel="prev next"'), `${base}?n=2`);
  assertEquals(next('<http://evil.example/>; rel="next"'), "http://evil.example/");
  assertEquals(next('<http://u:p@r.example/>; rel="next"'), undefined);
  for (const rel of ['"nextish"', '"a-next"', "next-one", '"next']) {
    assertEquals(next(`<?n=2>; rel=${rel}`), undefined, rel);
  }
  assertEquals(next("<?n=2"), undefined);
  assertEquals(next(`<?n=2>; rel="next"${" ".repeat(1 << 20)}`), undefined);
});
