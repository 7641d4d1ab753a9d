import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type DiffId, parseDigest, sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { chainId, chainIds, rebaseLayers } from "../../../lib/layer/mod.ts";

const diffId = (text: string) => sha256(new TextEncoder().encode(text)) as DiffId;
const EXPECTED = "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c";
const [A, B, C, D] = ["a", "b", "c", "d"].map(diffId) as [DiffId, DiffId, DiffId, DiffId];

Deno.test("a chainID is computed as in the specification", () => {
  // Computed once with sha256sum over "<parent> <diffID>".
  const first = parseDigest(`sha256:${"a".repeat(64)}`) as DiffId;
  const second = parseDigest(`sha256:${"b".repeat(64)}`) as DiffId;
  assertEquals(chainIds([first, second]) as string[], [first, EXPECTED]);
});

Deno.test("no layers have no chainIDs; each chainID is computed from the one below", () => {
  assertEquals(chainIds([]), []);
  const [one, two, three] = chainIds([A, B, C]);
  assertEquals(one as string, A as string);
  assertEquals(two, chainId(one ?? null, B));
  assertEquals(three, chainId(two ?? null, C));
});

Deno.test("F25 the same layers in another order, or on another parent, are another chain", () => {
  const tops = [[A, B], [B, A], [A, A, B], [B], [A, B, B]].map((ids) => chainIds(ids).at(-1));
  assertEquals(new Set(tops).size, tops.length);
  assertNotEquals(chainIds([A, B]).at(-1), chainIds([A, C]).at(-1));
});

Deno.test("rebase puts the image's own layers on the new base", () => {
  assertEquals(rebaseLayers([A, B, C], [A, B], [D]), [D, C]);
  assertEquals(rebaseLayers([A, B], [A, B], [C, D]), [C, D]);
  assertEquals(rebaseLayers([A], [], [D]), [D, A]);
  const layer = (diffId: DiffId, size: number) => ({ diffId, size });
  assertEquals(rebaseLayers([layer(A, 1), layer(B, 2)], [layer(A, 9)], [layer(C, 3)]), [
    layer(C, 3),
    layer(B, 2),
  ]);
});

Deno.test("rebase refuses a base that the image was not built on", () => {
  for (const oldBase of [[B], [A, C], [A, B, C, D], [A, B, C, A]]) {
    const error = assertThrows(() => rebaseLayers([A, B, C], oldBase, [D]), VarveError);
    assertEquals(error.code, "E_PRECONDITION");
  }
});
