/** Workers that die, are silent or break the protocol. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { layerJob } from "../../../lib/layer_job/internal.ts";
import type { Job, Pool } from "../../../lib/pool/mod.ts";
import { WorkerLink } from "../../../lib/pool/worker_link.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { filesIn, inPieces, LAYERS, streamInput, type TestLayer } from "../layer_job/layers.ts";
import { spawn, testPool } from "./spawn.ts";
import * as jobs from "./jobs.ts";

/** The job fails alone: another running job goes on, and queued jobs run in a new worker. */
async function diesAlone<Input>(
  pool: Pool,
  job: Job<Input, never>,
  input: Input,
  state: string,
): Promise<void> {
  const beside = jobs.shared();
  const release = new AbortController();
  const other = pool.run(jobs.ignoreAbort, beside, { signal: release.signal }).catch((e) => e);
  await jobs.nonZero(jobs.cells(beside), 0);
  const dying = jobs.handled(pool.run(job, input));
  const behind = [1, 2].map((i) => jobs.handled(pool.run(jobs.echo, i)));
  const error = await assertRejects(() => dying, VarveError);
  assertEquals(error.code, "E_WORKER");
  assertStringIncludes(error.message, state);
  assertEquals(await Promise.all(behind), [1, 2]);
  release.abort("released");
  assertEquals(await other, "released");
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals(pool.inline, false);
}

Deno.test("WorkerLink: a job for a dead worker fails at once", async () => {
  const link = new WorkerLink("layer", spawn(), { window: 1, silence: 1e6, onDeath: () => {} });
  assertEquals(await link.ready, true);
  link.end();
  const task = { signal: new AbortController().signal, stream: undefined, onProgress: undefined };
  const { code } = await assertRejects(() => link.run(jobs.echo.name, 1, task), VarveError);
  assertEquals(code, "E_WORKER");
});

Deno.test("J17 Deno.exit in a worker", async () => {
  for (const code of [0, 3]) {
    await using pool = testPool();
    await diesAlone(pool, jobs.exit, code, "it exited");
  }
});

Deno.test("J17 an uncaught error", async () => {
  await using pool = testPool();
  await diesAlone(pool, jobs.throwLater, null, "thrown in a timer");
});

leakTest("E14 a worker that dies in the middle of a layer", async () => {
  await using temp = await tempDir();
  await using pool = testPool({ workers: 1 });
  const [, layer] = LAYERS as [TestLayer, TestLayer];
  const directory = temp.join("out");
  const input = { ...streamInput(layer), target: filesIn(directory) };
  const run = (job: typeof layerJob) => pool.run(job, input, { stream: inPieces(layer.blob, 1e5) });
  await Deno.mkdir(directory);
  const error = await assertRejects(() => run(jobs.crashingLayer), VarveError);
  assertEquals(error.code, "E_WORKER");
  assert((await Deno.stat(`${directory}/layer.tar`)).isFile);
  await Deno.remove(directory, { recursive: true });
  await Deno.mkdir(directory);
  assertEquals((await run(layerJob)).diffId, layer.diffId);
});

Deno.test("J17 an unhandled rejection", async () => {
  await using pool = testPool();
  await diesAlone(pool, jobs.rejectAside, null, "rejected aside");
});

Deno.test("I17 a poisoned message from a worker", async () => {
  const poison = [null, 1, "x", {}, { kind: "done" }, { kind: "no such kind", id: 1 }];
  await Promise.all(poison.map(async (message) => {
    await using pool = testPool();
    await diesAlone(pool, jobs.post, message, "unknown message");
  }));
});

Deno.test("I17 a worker that ends without a message", async () => {
  await using pool = testPool({ silence: 1500 });
  await diesAlone(pool, jobs.close, null, "fell silent");
});

Deno.test("I17 messages for a job that is over are ignored", async () => {
  await using pool = testPool({ workers: 1 });
  assertEquals(await pool.run(jobs.leaveBehind, null, { stream: endless() }), "left");
  const state = jobs.shared();
  Atomics.store(jobs.cells(state), 0, 9);
  assertEquals(await pool.run(jobs.readWhenTold, state, { stream: ReadableStream.from([]) }), 0);
  assertEquals(await pool.run(jobs.count, null), 1);
});

Deno.test("I17 a poisoned message to a worker", async () => {
  const worker = spawn();
  const answers: unknown[] = [];
  let heard: () => void = () => {};
  worker.onmessage = (event) => (answers.push(event.data), heard());
  const next = () => new Promise<void>((resolve) => heard = resolve);
  try {
    await next();
    const chunk = new Uint8Array(1);
    for (
      const poison of [
        null,
        "x",
        {},
        { kind: "no such kind" },
        { kind: "chunk", id: 9, bytes: chunk },
        { kind: "end", id: 9 },
        { kind: "abort", id: 9 },
      ]
    ) worker.postMessage(poison);
    worker.postMessage({ kind: "run", id: 1, job: "no such job", input: null });
    await next();
    worker.postMessage({ kind: "run", id: 2, job: "echo", input: 7 });
    await next();
    assertEquals(answers.map((answer) => (answer as { kind: string }).kind), [
      "ready",
      "failed",
      "done",
    ]);
  } finally {
    worker.terminate();
  }
});

Deno.test("an output that cannot be cloned fails its job", async () => {
  await using pool = testPool({ workers: 1 });
  const error = await assertRejects(() => pool.run(jobs.uncloneable, null), VarveError);
  assertEquals(error.code, "E_INTERNAL");
  assertEquals(await pool.run(jobs.count, null), 1);
});

Deno.test("I17 a worker that never returns to its event loop is given up", async () => {
  // In a process of its own: Deno cannot end such a thread.
  const result = await run([Deno.execPath(), "run", "-A", "--no-check", STUCK], {
    timeout: 120_000,
  });
  assertEquals(result.stdout.trim().split("\n"), [
    "spin E_WORKER",
    "waitForever E_WORKER",
    "cancelled enough",
    "well",
  ]);
});

const STUCK = new URL("./stuck.ts", import.meta.url).pathname;

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(100_000);
}

Deno.test("a job is cancelled while its worker starts", async () => {
  await using pool = testPool({ workers: 1 });
  const controller = new AbortController();
  const job = pool.run(jobs.echo, 1, { signal: controller.signal });
  controller.abort("early");
  assertEquals(await job.catch((error) => error), "early");
  assertEquals(await pool.run(jobs.count, null), 1);
  assert(!pool.inline);
});
