import { assert, assertEquals, assertRejects } from "@std/assert";
import { threadCpuTime } from "./cpu_time.ts";
import { ManualClock } from "./manual_clock.ts";
import { stopTimers } from "./stop_timers.ts";
import { waitUntil, within } from "./wait.ts";

Deno.test("waitUntil: gives the first answer, also one that is not true", async () => {
  const answers = [undefined, false, 0, 1] as const;
  let asked = 0;
  assertEquals(await waitUntil("a number", () => answers[asked++]), 0);
  assertEquals(asked, 3);
});

Deno.test("waitUntil: at the deadline it names what it waited for, and what it saw", async () => {
  const late = waitUntil("rain", () => false, { seen: () => ["sun"], deadline: 1 });
  await assertRejects(
    () => late,
    Error,
    'Cannot wait for rain any longer than 1 ms; seen instead: [ "sun" ]',
  );
});

Deno.test("within: passes on what happens in time, else names what did not", async () => {
  assertEquals(await within("a number", Promise.resolve(1)), 1);
  await assertRejects(() => within("an error", Promise.reject(new RangeError("no"))), RangeError);
  const never = new Promise(() => {});
  await assertRejects(() => within("rain", never, 1), Error, "Cannot wait for rain any longer");
});

Deno.test("a manual clock and stopped timers do not stop the waits of tests", async () => {
  {
    using clock = new ManualClock();
    using _ = stopTimers();
    const now = performance.now();
    setTimeout(() => {
      throw new Error("a stopped timer fired");
    });
    await assertRejects(() => waitUntil("rain", () => false, { deadline: 1 }));
    await assertRejects(() => within("rain", new Promise(() => {}), 1));
    assertEquals(performance.now(), now);
    clock.advance(5);
    assertEquals(performance.now(), now + 5);
  }
  const now = performance.now();
  await waitUntil("the clock to go on", () => performance.now() > now);
});

Deno.test("threadCpuTime: grows by the work of this thread", async () => {
  const before = threadCpuTime();
  await waitUntil("two ticks of work", () => {
    let sum = 0;
    for (let i = 0; i < 1e6; i++) sum += Math.sqrt(i);
    assert(sum > 0);
    return threadCpuTime() - before >= 20;
  });
});
