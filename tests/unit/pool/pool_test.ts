import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import type { BriefJob } from "../../../lib/pool/internal.ts";
import {
  createPool,
  type Job,
  type JobProgress,
  type Pool,
  type PoolOptions,
} from "../../../lib/pool/mod.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";
import { spawn, testPool } from "./spawn.ts";
import * as jobs from "./jobs.ts";

/** Two tests: one with workers, one inline. */
function both(name: string, fn: (pool: Pool) => Promise<void>): void {
  for (const inline of [false, true]) {
    Deno.test(`${name}, ${inline ? "inline" : "in workers"}`, async () => {
      await using pool = testPool({ inline });
      assertEquals(pool.inline, inline);
      await fn(pool);
      // The pool is usable after any job.
      assertEquals(await pool.run(jobs.echo, "well"), "well");
      assertEquals(pool.inline, inline);
    });
  }
}

async function* chunksOf(sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(size);
}

async function code(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, VarveError)).code;
}

both("values come back", async (pool) => {
  const input = { a: [1n, "x"], bytes: new Uint8Array([1, 2]) };
  assertEquals(await pool.run(jobs.echo, input), input);
  assertEquals(input.bytes.length, 2);
});

both("a thousand jobs each give their own output", async (pool) => {
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => pool.run(jobs.echo, i)),
  );
  assertEquals(answers, Array.from({ length: 1000 }, (_, i) => i));
});

both("a stream arrives whole, whatever its pieces", async (pool) => {
  const random = prng(7);
  const all = random.bytes(3_000_000);
  const cut = async function* () {
    for (let at = 0; at < all.length;) {
      const next = at + random.int(0, 700_000);
      yield all.subarray(at, next);
      at = next;
    }
  };
  const whole = await pool.run(jobs.hashAll, null, {
    stream: ReadableStream.from([all.slice()]),
  });
  assertEquals(whole.bytes, all.length);
  assertEquals(await pool.run(jobs.hashAll, null, { stream: cut() }), whole);
  // The caller's buffer is not detached.
  assertEquals(all.length, 3_000_000);
});

both("a job without a stream gets an empty one", async (pool) => {
  assertEquals((await pool.run(jobs.hashAll, null)).bytes, 0);
  assertEquals((await pool.run(jobs.hashAll, null, { stream: chunksOf([0, 0]) })).bytes, 0);
});

both("an error keeps its code and its details", async (pool) => {
  const error = await assertRejects(() => pool.run(jobs.failWell, null), VarveError);
  assertEquals(error.code, "E_DIGEST");
  assertEquals(error.details, { expected: "sha256:aa", actual: "sha256:bb" });
});

both("an error that is no VarveError is E_INTERNAL", async (pool) => {
  const error = await assertRejects(() => pool.run(jobs.failBadly, null), VarveError);
  assertEquals([error.code, error.message], ["E_INTERNAL", "a foreign error"]);
});

both("an error of the stream comes back as the same object", async (pool) => {
  const mine = new TypeError("the network is down");
  const stream = async function* () {
    yield new Uint8Array(5);
    throw mine;
  };
  assertStrictEquals(
    await assertRejects(() => pool.run(jobs.hashAll, null, { stream: stream() })),
    mine,
  );
  assertEquals(await code(pool.run(jobs.failOnStream, null, { stream: stream() })), "E_TRUNCATED");
});

both("cancelled: the handler closes first, the reason is untouched", async (pool) => {
  const state = jobs.shared();
  const controller = new AbortController();
  const reason = { any: "thing" };
  const job = pool.run(jobs.waitForAbort, state, { signal: controller.signal });
  await jobs.nonZero(jobs.cells(state), 0);
  controller.abort(reason);
  assertStrictEquals(await job.catch((error) => error), reason);
  assertEquals(jobs.cells(state)[1], 1);
});

both("cancelled while the source hangs: the source is closed", async (pool) => {
  const state = jobs.shared();
  const controller = new AbortController();
  let closed = false;
  const stream: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: () => {
        closed = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const job = pool.run(jobs.waitForAbort, state, { signal: controller.signal, stream });
  await jobs.nonZero(jobs.cells(state), 0);
  controller.abort("enough");
  assertEquals(await job.catch((error) => error), "enough");
  assert(closed);
});

both("cancelled, but the handler succeeds: cancelled", async (pool) => {
  const state = jobs.shared();
  const controller = new AbortController();
  const job = pool.run(jobs.ignoreAbort, state, { signal: controller.signal });
  await jobs.nonZero(jobs.cells(state), 0);
  controller.abort("enough");
  assertEquals(await job.catch((error) => error), "enough");
});

both("cancelled before it begins, or while it waits", async (pool) => {
  assertEquals(
    await pool.run(jobs.echo, 1, { signal: AbortSignal.abort("no") }).catch((e) => e),
    "no",
  );
  const release = new AbortController();
  const blocked = [1, 2].map(() =>
    pool.run(jobs.ignoreAbort, jobs.shared(), { signal: release.signal }).catch((e) => e)
  );
  const controller = new AbortController();
  const waiting = jobs.handled(pool.run(jobs.echo, 1, { signal: controller.signal }));
  const behind = jobs.handled(pool.run(jobs.echo, 2));
  controller.abort("changed my mind");
  assertEquals(await waiting.catch((error) => error), "changed my mind");
  release.abort("go");
  assertEquals(await Promise.all(blocked), ["go", "go"]);
  assertEquals(await behind, 2);
});

both("progress is throttled; the last report arrives", async (pool) => {
  const seen: JobProgress[] = [];
  await pool.run(jobs.report, 20_000, { onProgress: (value) => seen.push(value) });
  assertEquals(seen[0], { read: 1, written: 2 });
  assertEquals(seen.at(-1), { read: 20_000, written: 40_000 });
  assert(seen.length < 2000, `${seen.length} reports`);
});

both("what onProgress throws cancels the job", async (pool) => {
  const mine = new Error("the terminal is gone");
  const job = pool.run(jobs.report, 3, {
    onProgress: () => {
      throw mine;
    },
  });
  assertStrictEquals(await assertRejects(() => job), mine);
});

both("the source is closed when the job does not read it", async (pool) => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const endless = async function* (close: () => void) {
    try {
      for (;;) yield new Uint8Array(1_000_000);
    } finally {
      close();
    }
  };
  // A generator that never began has nothing to close.
  assertEquals(await pool.run(jobs.echo, 1, { stream: endless(() => {}) }), 1);
  const controller = new AbortController();
  const state = jobs.shared();
  const options = { stream: endless(close), signal: controller.signal };
  const job = jobs.handled(pool.run(jobs.readWhenTold, state, options));
  await jobs.nonZero(jobs.cells(state), 1);
  controller.abort("enough");
  assertEquals(await job.catch((error) => error), "enough");
  await closed;
});

both("jobs start in order, at most `size` at once", async (pool) => {
  const release = new AbortController();
  const states = Array.from({ length: 4 }, () => jobs.shared());
  const began = (i: number) => jobs.cells(states[i] as jobs.Shared)[0];
  const running = states.map((state) =>
    pool.run(jobs.ignoreAbort, state, { signal: release.signal }).catch((e) => e)
  );
  for (const i of [0, 1]) {
    await jobs.nonZero(jobs.cells(states[i] as jobs.Shared), 0);
  }
  assertEquals([began(0), began(1), began(2), began(3)], [1, 1, 0, 0]);
  assertEquals([pool.running, pool.waiting], [2, 2]);
  release.abort("go");
  assertEquals(await Promise.all(running), ["go", "go", "go", "go"]);
  assertEquals(pool.waiting, 0);
});

both("a disposed pool", async ({ inline }) => {
  const pool = testPool({ workers: 1, inline });
  const state = jobs.shared();
  const running = pool.run(jobs.waitForAbort, state).catch((error) => error);
  const waiting = pool.run(jobs.echo, 1).catch((error) => error);
  await jobs.nonZero(jobs.cells(state), 0);
  await pool[Symbol.asyncDispose]();
  assertEquals(((await running) as DOMException).name, "AbortError");
  assertEquals(((await waiting) as DOMException).name, "AbortError");
  assertEquals(jobs.cells(state)[1], 1);
  await assertRejects(() => pool.run(jobs.echo, 1), TypeError, "disposed");
  await pool[Symbol.asyncDispose]();
});

Deno.test("no worker starts before a job needs it, and idle workers are reused", async () => {
  let started = 0;
  await using pool = testPool({ workers: 3, spawn: () => (started++, spawn()) });
  assertEquals(started, 0);
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(await pool.run(jobs.count, null), 2);
  assertEquals(started, 1);
  const three = await Promise.all([1, 2, 3].map(() => pool.run(jobs.count, null)));
  assertEquals(three.toSorted(), [1, 1, 3]);
  assertEquals(started, 3);
});

Deno.test("mayBlock: a brief job runs on the caller's thread when no worker is free", async () => {
  let started = 0;
  const options = { mayBlock: true, spawn: () => (started++, spawn()) };
  const brief: BriefJob<unknown, unknown> = { ...jobs.echo, isBrief: (input) => input === "brief" };
  await using pool = testPool(options);
  assertEquals(await pool.run(brief, "brief"), "brief");
  assertEquals([started, pool.inline], [0, false]);
  // Not beside another job, whose messages this thread has to pass on.
  const both = await Promise.all([pool.run(jobs.echo, 1), pool.run(brief, "brief")]);
  assertEquals([...both, started], [1, "brief", 2]);

  await using other = testPool(options);
  assertEquals(await other.run(brief, "long"), "long");
  assertEquals(started, 3);
  // An idle worker is used all the same: its output is a clone, that of this thread is not.
  const input = { a: 1 };
  const here: BriefJob<unknown, unknown> = { ...jobs.echo, isBrief: () => true };
  assert(await other.run(here, input) !== input);
  await using third = testPool(options);
  assertStrictEquals(await third.run(here, input), input);
  assertEquals(started, 3);
  third.prepare("layer");
  assertEquals(await third.run(here, input), input);
  assertEquals(started, 4);
});

/** Fills a pool with jobs in halves on a machine of `cores`. Gives the pool's size and the number of threads. */
async function threadsOf(options: PoolOptions, cores: number): Promise<[number, number]> {
  const known = Object.getOwnPropertyDescriptor(Navigator.prototype, "hardwareConcurrency");
  Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => cores });
  let started = 0;
  await using pool = createPool({ ...options, spawn: () => (started++, spawn()) });
  Object.defineProperty(Navigator.prototype, "hardwareConcurrency", known as PropertyDescriptor);
  const state = jobs.shared();
  const controller = new AbortController();
  let working = 0;
  const job: Job<jobs.Shared, unknown> = {
    ...jobs.ignoreAbort,
    halves: (input) => {
      working++;
      const half = { job: jobs.ignoreAbort, input };
      return { front: half, back: half, stop: () => {} };
    },
  };
  const ended = Array.from(
    { length: pool.size },
    () => pool.run(job, state, { signal: controller.signal }).catch((reason) => reason),
  );
  const all = working + pool.size;
  await jobs.atLeast(jobs.cells(state), 0, all);
  controller.abort("enough");
  assertEquals(await Promise.all(ended), ended.map(() => "enough"));
  return [pool.size, started];
}

Deno.test("the default number of workers: one for each core, at most four", async () => {
  assertEquals(await threadsOf({}, 1), [1, 1]);
  assertEquals(await threadsOf({}, 2), [2, 4]);
  assertEquals(await threadsOf({}, 64), [4, 6]);
  assertEquals(await threadsOf({ workers: 16 }, 2), [16, 18]);
});

Deno.test("an idle worker of one entry makes room for another", async () => {
  const started: string[] = [];
  await using pool = testPool({ workers: 1, spawn: (entry) => (started.push(entry), spawn()) });
  await pool.run(jobs.echo, 1);
  assertEquals(await pool.run({ ...jobs.echo, entry: "extract" }, 2), 2);
  assertEquals(await pool.run(jobs.echo, 3), 3);
  assertEquals(started, ["layer", "extract", "layer"]);
});

Deno.test("where no worker can be started, jobs run inline, with one warning that says why", async () => {
  const broken: (readonly [() => Worker, string])[] = [
    [() => {
      throw new DOMException("no threads", "NotSupportedError");
    }, "no threads"],
    [() => {
      throw new VarveError("E_DENIED", "Cannot start a worker: no permission", { hint: "give it" });
    }, "Cannot start a worker: no permission (give it)"],
    [
      () => new Worker("data:application/javascript,syntax error", { type: "module" }),
      "a worker failed: ",
    ],
  ];
  for (const [spawn, reason] of broken) {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await using pool = createPool({ workers: 2, spawn, onWarning });
    assertEquals(pool.inline, false);
    const both = [1, 2].map((i) => pool.run(jobs.echo, i));
    assertEquals(await Promise.all(both), [1, 2]);
    assertEquals(pool.inline, true);
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0] ?? "", "jobs run one at a time on the main thread");
    assertStringIncludes(warnings[0] ?? "", reason);
  }
});

Deno.test("a warning about workers goes to the console where nobody takes it, once", async () => {
  await using temp = await tempDir();
  const program = temp.join("program.ts");
  await Deno.writeTextFile(
    program,
    `import { createPool } from ${JSON.stringify(import.meta.resolve("../../../mod.ts"))};
     import * as jobs from ${JSON.stringify(import.meta.resolve("./jobs.ts"))};
     const spawn = () => { throw new Error("no threads"); };
     for (let i = 0; i < 2; i++) {
       await using pool = createPool({ spawn });
       if (await pool.run(jobs.echo, i) !== i) throw new Error("the job did not run");
     }`,
  );
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "--no-prompt", "--no-lock", "--config", config];
  const { stderr } = await run([Deno.execPath(), ...args, program], { env: { NO_COLOR: "1" } });
  assertEquals(
    stderr,
    "varve: warning: jobs run one at a time on the main thread, because no worker can be started: " +
      "no threads\n",
  );
});

Deno.test("invalid options throw RangeError, an input that cannot be cloned TypeError", async () => {
  assertThrows(() => createPool({ workers: 0 }), RangeError, "workers");
  assertThrows(() => createPool({ window: -1 }), RangeError, "window");
  assertThrows(() => createPool({ silence: Infinity }), RangeError, "silence");
  await using pool = testPool();
  await assertRejects(() => pool.run(jobs.echo, () => {}), TypeError, "cloned");
  assertEquals(await pool.run(jobs.echo, 1), 1);
});

leakTest("a pool leaves no thread and no descriptor", async () => {
  await using pool = testPool();
  await Promise.all([1, 2, 3].map((i) => pool.run(jobs.echo, i)));
  await assertRejects(() => pool.run(jobs.exit, 1), VarveError);
  const state = jobs.shared();
  void pool.run(jobs.waitForAbort, state).catch(() => {});
  await jobs.nonZero(jobs.cells(state), 0);
});

Deno.test("a job that never returns to its event loop sees that it is cancelled", async () => {
  await using pool = testPool({ workers: 1 });
  const controller = new AbortController(), reason = new Error("enough");
  const shared = jobs.shared();
  const running = jobs.handled(
    pool.run(jobs.spinUntilAborted, shared, { signal: controller.signal }),
  );
  await jobs.nonZero(jobs.cells(shared), 0);
  controller.abort(reason);
  assertStrictEquals(await running.catch((error) => error), reason);
  assertEquals(await pool.run(jobs.echo, "well"), "well");
});
