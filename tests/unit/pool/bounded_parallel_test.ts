import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { boundedParallel } from "../../../lib/pool/bounded_parallel.ts";

const thrownBy = (work: Promise<unknown>) =>
  work.then(() => assert(false, "nothing was thrown"), (error: unknown) => error);

/** Rejects with an error of its own when the signal aborts. */
async function failsWhenAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  throw new Error("consequence of the abort");
}

Deno.test("boundedParallel: results come in the order of the items", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const results = boundedParallel([0, 1, 2], async (item) => {
    await gates[item]?.promise;
    if (item > 0) gates[item - 1]?.resolve();
    return `${item}`;
  });
  gates[2]?.resolve();
  assertEquals(await results, ["0", "1", "2"]);
  assertEquals(await boundedParallel([], () => Promise.resolve(1)), []);
  const undefineds = await boundedParallel([1, 2], () => Promise.resolve(undefined), { limit: 1 });
  assertEquals(undefineds, [undefined, undefined]);
});

Deno.test("boundedParallel: `limit` items at once, and the next one when one has ended", async () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  let running = 0, most = 0;
  const full = Promise.withResolvers<void>();
  await boundedParallel(items, async (item) => {
    most = Math.max(most, ++running);
    if (running === 3) full.resolve();
    // Each of the first three waits until all three run.
    if (item < 3) await full.promise;
    else await Promise.resolve();
    running--;
  }, { limit: 3 });
  assertEquals(most, 3);
  for (const limit of [0, -1, NaN]) {
    await assertRejects(
      () => boundedParallel(items, () => Promise.resolve(), { limit }),
      RangeError,
    );
  }
});

Deno.test("boundedParallel: the first failure aborts the others and is thrown when all have settled", async () => {
  const first = { no: "error" };
  const started: string[] = [];
  const settled: string[] = [];
  const reasons: unknown[] = [];
  const work = async (item: string, signal: AbortSignal) => {
    started.push(item);
    try {
      if (item === "fails") throw first;
      await failsWhenAborted(signal);
    } finally {
      reasons.push(signal.reason);
      settled.push(item);
    }
  };
  const items = ["waits", "fails", "waits too", "never starts"];
  assertStrictEquals(await thrownBy(boundedParallel(items, work, { limit: 3 })), first);
  assertEquals(started, ["waits", "fails", "waits too"]);
  assertEquals(settled.toSorted(), ["fails", "waits", "waits too"]);
  assertEquals(reasons.filter((reason) => reason === first).length, 2);
});

Deno.test("boundedParallel: what `work` throws before it gives a promise is a failure like any", async () => {
  const thrown = await thrownBy(boundedParallel([1], () => {
    throw undefined;
  }));
  assertStrictEquals(thrown, undefined);
});

Deno.test("boundedParallel: an abort by the caller is thrown as its reason when all have settled", async () => {
  const reason = { gone: true };
  const caller = new AbortController();
  let settled = 0, started = 0;
  const work = async (_item: number, signal: AbortSignal) => {
    if (++started === 2) caller.abort(reason);
    await failsWhenAborted(signal).finally(() => settled++);
  };
  const options = { limit: 2, signal: caller.signal };
  assertStrictEquals(await thrownBy(boundedParallel([1, 2, 3], work, options)), reason);
  assertEquals([started, settled], [2, 2]);
});

Deno.test("boundedParallel: nothing starts under a signal that is aborted already", async () => {
  const reason = { gone: true };
  let started = 0;
  const work = () => Promise.resolve(started++);
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await thrownBy(boundedParallel([1], work, { signal })), reason);
  assertStrictEquals(await thrownBy(boundedParallel([], work, { signal })), reason);
  assertEquals(started, 0);
});

Deno.test("boundedParallel: a failure is thrown although the caller aborts after it", async () => {
  const first = new Error("first");
  const caller = new AbortController();
  const work = async (item: number, signal: AbortSignal) => {
    if (item === 0) throw first;
    await failsWhenAborted(signal).finally(() => caller.abort("too late"));
  };
  const thrown = await thrownBy(boundedParallel([0, 1], work, { signal: caller.signal }));
  assertStrictEquals(thrown, first);
});
