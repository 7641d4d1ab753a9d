import { assert, assertEquals } from "@std/assert";
import { contest, type Cost, costRatio, medianOf } from "./contest.ts";

const costs = (...cpu: number[]): Cost[] => cpu.map((one) => ({ cpu: one, wall: 2 * one }));

Deno.test("a ratio is taken round by round, and its interval holds the median", () => {
  const base = costs(1, 2, 4, 8, 16);
  assertEquals(costRatio(costs(2, 4, 8, 16, 32), base), { median: 2, low: 2, high: 2 });
  const { median, low, high } = costRatio(costs(1, 4, 12, 32, 80), base);
  assertEquals(median, 3);
  assert(low < median && median < high);
  assertEquals([medianOf(base), medianOf(base, "wall")], [4, 8]);
});

Deno.test("a contest counts the CPU time of each command, without the first round", async () => {
  let before = 0;
  const { idle, busy } = await contest({
    idle: { command: ["true"] },
    busy: {
      command: ["bash", "-c", "for ((i = 0; i < 50000; i++)); do :; done"],
      before: () => before++,
    },
  }, 2);
  assertEquals([idle.length, busy.length, before], [2, 2, 3]);
  assert(medianOf(busy) > medianOf(idle));
});
