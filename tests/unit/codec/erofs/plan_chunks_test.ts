import { assert, assertEquals } from "@std/assert";
import { chunkBitsOf, planChunks } from "../../../../lib/codec/erofs/write/plan_chunks.ts";

const GIB = 2 ** 30;

Deno.test("a chunk holds a whole file, up to a gibibyte", () => {
  assertEquals([1, 512, 513, 1024, 1025, 5000].map(chunkBitsOf), [9, 9, 10, 10, 11, 13]);
  assertEquals([GIB - 511, GIB, GIB + 1, 2 ** 50].map(chunkBitsOf), [30, 30, 30, 30]);
});

Deno.test("data and holes in whole blocks are addressed in the tar", () => {
  const extents = [
    { logical: 0, length: 4096, position: 1024 },
    { logical: 65536, length: 8192, position: 5120 },
  ];
  const plan = planChunks(100_000, extents, true);
  assertEquals(plan.copied, 0);
  assertEquals(plan.bits, 12);
  assertEquals(plan.runs, [
    { first: 0, count: 1, position: 1024 },
    { first: 16, count: 2, position: 5120 },
  ]);
});

Deno.test("content that does not begin at a block is copied, with the largest chunk", () => {
  const plan = planChunks(5000, [{ logical: 0, length: 5000, position: 1000 }], true);
  assertEquals(plan, {
    bits: 13,
    chunks: 1,
    runs: [{ first: 0, count: 1, position: -1 }],
    copied: 5120,
  });
});

Deno.test("dirty padding copies the end of the file, or the whole file where that is less", () => {
  const small = planChunks(600, [{ logical: 0, length: 600, position: 512 }], false);
  assertEquals([small.copied, small.chunks], [512, 2]);
  const large = planChunks(1e6, [{ logical: 0, length: 1e6, position: 512 }], false);
  const bytes = large.copied + large.chunks * 8;
  assert(bytes < 10_000, `${bytes} bytes for one block`);
  assertEquals(large.runs.map(({ position }) => position < 0), [false, true]);
  const whole = planChunks(1e6, [{ logical: 0, length: 1e6, position: 512 }], true);
  assertEquals([whole.copied, whole.chunks, whole.bits], [0, 1, 20]);
});

Deno.test("a file that fills its last block needs no padding", () => {
  const plan = planChunks(1024, [{ logical: 0, length: 1024, position: 512 }], false);
  assertEquals([plan.copied, plan.chunks], [0, 1]);
});

Deno.test("one byte in a petabyte does not make a large image", () => {
  const size = 2 ** 50;
  const plan = planChunks(size, [{ logical: size / 2 + 4096, length: 512, position: 512 }], true);
  const bytes = plan.copied + plan.chunks * 8;
  assert(bytes < 2 ** 28, `${bytes} bytes`);
});

Deno.test("neighbours in one chunk are copied once", () => {
  const extents = [1, 3, 5].map((n) => ({ logical: n * 100, length: 100, position: n * 512 }));
  const plan = planChunks(10_000, extents, true);
  assertEquals(plan.runs, [{ first: 0, count: 1, position: -1 }]);
  assertEquals(plan.copied, 2 ** plan.bits);
});

Deno.test("a file that is one hole copies nothing", () => {
  assertEquals(planChunks(5000, [], true), { bits: 13, chunks: 1, runs: [], copied: 0 });
});
