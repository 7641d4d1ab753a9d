import { assertEquals, assertThrows } from "@std/assert";
import { compare, holds, measure, timingOf } from "./harness.ts";

Deno.test("bench: median, least and most", () => {
  assertEquals(timingOf([5, 1, 9]), { median: 5, least: 1, most: 9, runs: 3 });
  assertEquals(timingOf([4, 2]).median, 2);
  assertThrows(() => timingOf([]), RangeError, "no run");
});

Deno.test("bench: bounds", () => {
  assertEquals(holds(2, { atLeast: 2, atMost: 2 }), true);
  assertEquals(holds(1.9, { atLeast: 2 }), false);
  assertEquals(holds(2.1, { atMost: 2 }), false);
  assertEquals(holds(NaN, { atMost: 2 }), false);
});

Deno.test("bench: warm-ups are not timed, and a comparison takes turns", async () => {
  const calls: string[] = [];
  const timing = await measure(() => calls.push("m"), { runs: 3, warmups: 2 });
  assertEquals([timing.runs, calls.length], [3, 5]);
  calls.length = 0;
  await compare(() => calls.push("a"), () => calls.push("b"), { runs: 2 });
  assertEquals(calls.join(""), "ababab");
});
