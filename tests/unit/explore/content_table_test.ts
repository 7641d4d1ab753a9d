import { assertEquals } from "@std/assert";
import { ContentTable } from "../../../lib/explore/content_table.ts";
import { prng } from "../../support/prng.ts";

Deno.test("contents: equal digests have one number, also those that begin alike, and after growing", () => {
  const random = prng(7);
  const table = new ContentTable();
  const known = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const digest = random.bytes(32);
    // Many meet in one slot.
    if (i % 3 === 0) digest.fill(i % 2, 0, 28);
    if (i % 5 === 0) digest.fill(i % 7);
    const key = digest.toHex();
    const number = known.get(key) ?? known.size;
    assertEquals(table.add(digest), number);
    known.set(key, number);
    assertEquals(table.count, known.size);
  }
  for (const [key, number] of known) assertEquals(table.digest(number).toHex(), key);
});
