import { assertEquals } from "@std/assert";
import { parseNextLink } from "../../../../../lib/registry/client/list/link.ts";

Deno.test("H22 links: the next page, quoted or not, among other links", () => {
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
