/** The layer job on two threads: the same results, and neither half waits for ever when the other ends. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { layerBackJob, layerFrontJob, layerHalves } from "../../../lib/layer_job/layer_halves.ts";
import { layerJob, type LayerJobInput } from "../../../lib/layer_job/internal.ts";
import type { LayerJobOutput } from "../../../lib/layer_job/mod.ts";
import { createRing, RingReader, stopRing } from "../../../lib/layer_job/ring.ts";
import type { Halves, Job } from "../../../lib/pool/mod.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { prng } from "../../support/prng.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { testPool } from "../pool/spawn.ts";
import {
  ENTRIES,
  expectedOf,
  filesIn,
  inPieces,
  layerOf,
  LAYERS,
  type TestLayer,
} from "./layers.ts";
import * as jobs from "../pool/jobs.ts";

/** Larger than the ring, compressed and uncompressed. */
const LARGE = layerOf(
  [
    ...ENTRIES,
    ...[1, 2, 3].map((i) => ({ name: `large/${i}`, content: prng(i).bytes(1_500_000) })),
  ],
  "gzip",
);

function streamed(
  layer: TestLayer,
  directory: string,
): LayerJobInput & { target: { kind: "files" } } {
  const source = { kind: "stream" } as const;
  const target = filesIn(directory);
  return { source, target, expected: expectedOf(layer), halvesFrom: 0 };
}

/** The layer job with halves that the test changes. */
function halved(
  change: (halves: Halves<LayerJobOutput>, input: LayerJobInput) => Partial<Halves<LayerJobOutput>>,
): typeof layerJob {
  return {
    ...layerJob,
    halves: (input) => {
      const halves = layerHalves(input) as Halves<LayerJobOutput>;
      return { ...halves, ...change(halves, input) };
    },
  };
}

for (const layer of [...LAYERS, LARGE]) {
  const name = `${layer.compression}, ${layer.blob.length} bytes`;
  Deno.test(`halves have the output of one thread: ${name}`, async () => {
    await using temp = await tempDir();
    await using pool = testPool();
    const path = temp.join("blob");
    await Deno.writeFile(path, new Uint8Array([1, 2, 3, ...layer.blob, 4]));
    const results = [];
    for (const halvesFrom of [Infinity, 0]) {
      for (const kind of ["file", "stream"] as const) {
        const directory = temp.join(`${kind}-${halvesFrom}`);
        await Deno.mkdir(directory);
        const source: LayerJobInput["source"] = kind === "stream"
          ? { kind }
          : { kind, path, offset: 3, length: layer.blob.length };
        const input = { ...streamed(layer, directory), source, halvesFrom };
        const last = { read: 0, written: 0 };
        const output = await pool.run(layerJob, input, {
          ...(kind === "stream" ? { stream: inPieces(layer.blob, 70_000) } : {}),
          onProgress: (value) => Object.assign(last, value),
        });
        assertEquals(last.read, layer.blob.length);
        const names = (await Array.fromAsync(Deno.readDir(directory), (entry) => entry.name))
          .sort();
        const files = await Promise.all(names.map((one) => Deno.readFile(`${directory}/${one}`)));
        results.push({ output, names, files });
      }
    }
    for (const result of results) assertEquals(result, results[0]);
  });
}

Deno.test("a job gets one worker while others wait, in a pool of one, and for a small layer", async () => {
  await using temp = await tempDir();
  const run = async (workers: number, busy: boolean, halvesFrom: number) => {
    await using pool = testPool({ workers });
    const directory = temp.join(crypto.randomUUID());
    await Deno.mkdir(directory);
    let fronts = 0;
    const job: typeof layerJob = {
      ...layerJob,
      halves: (input) => {
        const halves = layerHalves(input);
        if (halves === null) return null;
        return {
          ...halves,
          get front() {
            fronts++;
            return halves.front;
          },
        };
      },
    };
    const input = { ...streamed(LARGE, directory), halvesFrom };
    const release = new AbortController();
    const { signal } = release;
    const beside = busy ? pool.run(jobs.ignoreAbort, jobs.shared(), { signal }) : null;
    const ended = beside?.catch((reason) => reason);
    const made = jobs.handled(pool.run(job, input, { stream: inPieces(LARGE.blob, 1e5) }));
    const behind = busy ? jobs.handled(pool.run(jobs.echo, "behind")) : "behind";
    assertEquals((await made).diffId, LARGE.diffId);
    assertEquals(await behind, "behind");
    release.abort("released");
    assertEquals(await (ended ?? "released"), "released");
    return fronts;
  };
  assertEquals(await run(2, false, 0), 1);
  assertEquals(await run(1, false, 0), 0);
  assertEquals(await run(2, true, 0), 0);
  assertEquals(await run(2, false, LARGE.blob.length + 1), 0);
});

leakTest(
  "D42 halves that are cancelled in the middle: the reason, and nothing stays open",
  async () => {
    await using temp = await tempDir();
    await using pool = testPool();
    const reason = { enough: true };
    for (const at of [0, 100_000, 3_000_000]) {
      const directory = temp.join(String(at));
      await Deno.mkdir(directory);
      const controller = new AbortController();
      const stream = async function* () {
        yield LARGE.blob.subarray(0, at);
        controller.abort(reason);
        yield LARGE.blob.subarray(at);
        await new Promise(() => {});
      };
      const job = pool.run(layerJob, streamed(LARGE, directory), {
        signal: controller.signal,
        stream: stream(),
      });
      assertEquals(await job.catch((error) => error === reason), true);
      assertEquals(await pool.run(jobs.echo, at), at);
    }
  },
);

leakTest("halves fail with the error of the source, the target or the caller", async () => {
  await using temp = await tempDir();
  await using pool = testPool();
  const directory = temp.join("out");
  const run = async (
    more: Partial<LayerJobInput>,
    stream: AsyncIterable<Uint8Array>,
    onProgress = () => {},
  ): Promise<unknown> => {
    await Deno.mkdir(directory);
    try {
      await pool.run(layerJob, { ...streamed(LARGE, directory), ...more }, { stream, onProgress });
      return "no error";
    } catch (error) {
      return error instanceof VarveError ? [error.code, error.details.errno] : error;
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  };
  const whole = () => inPieces(LARGE.blob, 1e5);
  const thrown = { own: "error" };
  const failing = async function* () {
    yield LARGE.blob.subarray(0, 1_000_000);
    throw thrown;
  };
  assertEquals(await run({}, failing()), thrown);
  assertEquals(
    await run({}, whole(), () => {
      throw thrown;
    }),
    thrown,
  );
  for (const which of ["tar", "tree", "blob"] as const) {
    const target = { ...filesIn(directory), [which]: temp.join("missing/x") };
    assertEquals(await run({ target }, whole()), ["E_SYSCALL", "ENOENT"], which);
  }
  const path = temp.join("short");
  await Deno.writeFile(path, LARGE.blob.subarray(0, 2_000_000));
  const source = { kind: "file", path, offset: 0, length: LARGE.blob.length } as const;
  assertEquals(await run({ source }, whole()), ["E_TRUNCATED", undefined]);
  assertEquals(await run({}, whole()), "no error");
});

leakTest(
  "E14 either half dies in the middle: the job fails, the other half ends, the pool goes on",
  async () => {
    await using temp = await tempDir();
    await using pool = testPool();
    const dying: [string, Job<never, never>, unknown][] = [
      ["exit", jobs.exit as never, 1],
      ["throwLater", jobs.throwLater as never, null],
    ];
    for (const half of ["front", "back"] as const) {
      for (const [name, job, input] of dying) {
        const directory = temp.join(`${half}-${name}`);
        await Deno.mkdir(directory);
        const run = pool.run(
          halved(() => ({ [half]: { job, input } })),
          streamed(LARGE, directory),
          {
            stream: inPieces(LARGE.blob, 1e5),
          },
        );
        assertEquals((await assertRejects(() => run, VarveError)).code, "E_WORKER");
        assertEquals(pool.inline, false);
      }
    }
    const directory = temp.join("well");
    await Deno.mkdir(directory);
    const stream = inPieces(LARGE.blob, 1e5);
    assertEquals(
      (await pool.run(layerJob, streamed(LARGE, directory), { stream })).size,
      LARGE.blob.length,
    );
  },
);

leakTest("a disposed pool ends halves that wait for each other", async () => {
  for (const idle of ["front", "back"] as const) {
    await using temp = await tempDir();
    const pool = testPool();
    const waiting = jobs.shared();
    const input = streamed(LARGE, temp.path);
    // The other half waits for this one, which does nothing until it is aborted.
    const job = halved(() => ({ [idle]: { job: jobs.waitForAbort as never, input: waiting } }));
    const run = pool.run(job, input, { stream: inPieces(LARGE.blob, 1e5) }).catch((error) => error);
    await jobs.nonZero(jobs.cells(waiting), 0);
    await pool[Symbol.asyncDispose]();
    assertEquals((await run).name, "AbortError");
  }
});

Deno.test("halves on a stopped ring give false and null", async () => {
  await using temp = await tempDir();
  const ring = createRing();
  stopRing(ring);
  const context = {
    signal: new AbortController().signal,
    throwIfAborted: () => {},
    stream: inPieces(LARGE.blob, 1e5),
    progress: () => {},
  };
  const input = { layer: streamed(LARGE, temp.path), ring };
  assertEquals(await layerFrontJob.run(input, context), false);
  assertEquals(await layerBackJob.run(input, context), null);
  assert(new RingReader(ring).stopped);
});
