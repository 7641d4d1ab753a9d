/** Workers that are started before a job needs them, and what they do until then. */
import { assertEquals, assertRejects } from "@std/assert";
import * as jobs from "./jobs.ts";
import { spawn, testPool } from "./spawn.ts";

Deno.test("a worker that was prepared is the one that gets the job", async () => {
  const started: Worker[] = [];
  await using pool = testPool({ spawn: () => (started.push(spawn()), started.at(-1) as Worker) });
  pool.prepare("layer");
  pool.prepare("layer");
  assertEquals(started.length, 1);
  assertEquals(await pool.run(jobs.count, null), 1);
  pool.prepare("layer");
  assertEquals(await pool.run(jobs.count, null), 2);
  assertEquals(started.length, 1);
});

Deno.test("a prepared worker warms up beside the jobs, until it is needed", async () => {
  const started: string[] = [];
  await using pool = testPool({ workers: 1, spawn: (entry) => (started.push(entry), spawn()) });
  const told = jobs.shared();
  pool.warmUp({ ...jobs.warmUp, entry: "extract" }, told);
  await jobs.nonZero(jobs.cells(told), 0);
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(await pool.run({ ...jobs.count, entry: "extract" }, null), 1101);
  assertEquals(started, ["extract", "layer"]);
});

Deno.test("a worker that was started cold warms up, and one that has worked does not", async () => {
  await using pool = testPool();
  const told = jobs.shared();
  pool.prepare("layer");
  pool.warmUp(jobs.warmUp, told);
  await jobs.nonZero(jobs.cells(told), 0);
  assertEquals(await pool.run(jobs.count, null), 1101);
  pool.warmUp(jobs.warmUp, told);
  assertEquals(await pool.run(jobs.count, null), 1102);
});

Deno.test("a warm-up that fails costs the worker, and one that is not over when the pool goes ends", async () => {
  const started: Worker[] = [];
  await using pool = testPool({ spawn: () => (started.push(spawn()), started.at(-1) as Worker) });
  pool.warmUp(jobs.failBadly, null);
  const [first] = started as [Worker];
  await new Promise<void>((resolve) =>
    first.addEventListener("message", ({ data }) => data.kind === "failed" && resolve())
  );
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(started.length, 2);
  const told = jobs.shared();
  const other = testPool();
  other.warmUp(jobs.warmUp, told);
  await jobs.nonZero(jobs.cells(told), 0);
  await other[Symbol.asyncDispose]();
});

Deno.test("a worker that died at a warm-up is not asked for another one", async () => {
  const started: Worker[] = [];
  await using pool = testPool({ spawn: () => (started.push(spawn()), started.at(-1) as Worker) });
  pool.warmUp(jobs.exit, 1);
  const [first] = started as [Worker];
  await new Promise<void>((resolve) =>
    first.addEventListener("message", ({ data }) => data.kind === "dead" && resolve())
  );
  pool.warmUp(jobs.warmUp, jobs.shared());
  // A turn of the loop runs all microtasks: the second warm-up has failed, too.
  await new Promise((turn) => setTimeout(turn));
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(started.length, 2);
});

Deno.test("a pool that goes while a job waits for a warm-up starts no worker any more", async () => {
  let started = 0;
  const pool = testPool({ spawn: () => (started++, spawn()) });
  const told = jobs.shared();
  pool.warmUp(jobs.deaf, told);
  await jobs.nonZero(jobs.cells(told), 0);
  const waiting = assertRejects(() => pool.run(jobs.count, null), DOMException, "disposed");
  await pool[Symbol.asyncDispose]();
  await waiting;
  assertEquals(started, 1);
});

Deno.test("a prepared worker that is not to be had, died, or is not needed", async () => {
  {
    await using pool = testPool({
      spawn: () => new Worker("data:application/javascript,syntax error", { type: "module" }),
    });
    pool.prepare("layer");
    assertEquals(await pool.run(jobs.echo, 1), 1);
    assertEquals(pool.inline, true);
  }
  {
    const started: Worker[] = [];
    await using pool = testPool({ spawn: () => (started.push(spawn()), started.at(-1) as Worker) });
    pool.prepare("layer");
    const [first] = started as [Worker];
    await new Promise((resolve) => first.addEventListener("message", resolve, { once: true }));
    first.dispatchEvent(new MessageEvent("message", { data: { kind: "unknown" } }));
    assertEquals(await pool.run(jobs.count, null), 1);
    assertEquals([started.length, pool.inline], [2, false]);
  }
  {
    const pool = testPool();
    pool.prepare("layer");
    await pool[Symbol.asyncDispose]();
    pool.prepare("layer");
  }
});
