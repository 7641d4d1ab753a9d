/** Workers that are started before a job needs them, and their warm-up. */
import { assertEquals, assertRejects } from "@std/assert";
import * as jobs from "./jobs.ts";
import { spawn, testPool } from "./spawn.ts";

Deno.test("a prepared worker gets the next job", async () => {
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

Deno.test("a prepared worker warms up beside other jobs, until a job needs it", async () => {
  const started: string[] = [];
  await using pool = testPool({ workers: 1, spawn: (entry) => (started.push(entry), spawn()) });
  const told = jobs.shared();
  pool.warmUp({ ...jobs.warmUp, entry: "extract" }, told);
  await jobs.nonZero(jobs.cells(told), 0);
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(await pool.run({ ...jobs.count, entry: "extract" }, null), 1101);
  assertEquals(started, ["extract", "layer"]);
});

Deno.test("a prepared worker can warm up later; an idle one does not warm up", async () => {
  await using pool = testPool();
  const told = jobs.shared();
  pool.prepare("layer");
  pool.warmUp(jobs.warmUp, told);
  await jobs.nonZero(jobs.cells(told), 0);
  assertEquals(await pool.run(jobs.count, null), 1101);
  pool.warmUp(jobs.warmUp, told);
  assertEquals(await pool.run(jobs.count, null), 1102);
});

Deno.test("a worker whose warm-up fails is replaced; dispose ends a warm-up", async () => {
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

Deno.test("a worker that died during its warm-up is replaced, also after a second warm-up", async () => {
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

Deno.test("a pool that is disposed while a job waits for a warm-up starts no more workers", async () => {
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

Deno.test("prepare: the worker cannot start, dies, or is never used", async () => {
  {
    await using pool = testPool({
      spawn: () => new Worker("data:application/javascript,syntax error", { type: "module" }),
      onWarning: () => {},
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
