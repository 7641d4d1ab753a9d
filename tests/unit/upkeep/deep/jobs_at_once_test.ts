import { assertEquals } from "@std/assert";
import { jobsAtOnce } from "../../../../lib/upkeep/deep/jobs_at_once.ts";
import type { StoreRows } from "../../../../lib/store/internal.ts";

const GIB = 1024 ** 3;

function rowsOf(blobs: Record<string, number>, layers: Record<string, number>): StoreRows {
  return {
    blobs: Object.entries(blobs).map(([digest, size]) => ({ digest, size })),
    layers: Object.entries(layers).map(([diff_id, size]) => ({ diff_id, size })),
  } as unknown as StoreRows;
}

Deno.test("a deep check starts few workers for few bytes", () => {
  const pool = { size: 4 };
  assertEquals(jobsAtOnce(pool, rowsOf({}, {}), null), 1);
  assertEquals(jobsAtOnce(pool, rowsOf({ a: GIB }, { b: 3 * GIB }), null), 1);
  assertEquals(jobsAtOnce(pool, rowsOf({ a: 5 * GIB }, { b: 3 * GIB }), null), 2);
  // The blob of an uncompressed layer is its tar.
  assertEquals(jobsAtOnce(pool, rowsOf({ b: 5 * GIB }, { b: 5 * GIB }), null), 1);
  // One job more than workers waits.
  assertEquals(jobsAtOnce(pool, rowsOf({ a: 90 * GIB }, {}), null), 5);
  assertEquals(jobsAtOnce({ size: 1 }, rowsOf({ a: 90 * GIB }, {}), null), 1);
});

Deno.test("a deep check of one image counts only its bytes", () => {
  const scope = { digests: new Set(["a"]), chains: new Set<string>() };
  const rows = rowsOf({ a: 8 * GIB, c: 90 * GIB }, { b: 90 * GIB });
  assertEquals(jobsAtOnce({ size: 4 }, rows, scope), 2);
});
