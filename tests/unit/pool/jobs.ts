/** Jobs for the pool's own tests; `worker.ts` serves them. */
import { createHasher } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { layerJob } from "../../../lib/layer_job/internal.ts";
import { layerJobs } from "../../../lib/layer_job/jobs.ts";
import type { AnyJob, Job, JobContext } from "../../../lib/pool/mod.ts";

function job<Input, Output>(
  name: string,
  run: (input: Input, context: JobContext) => Promise<Output> | Output,
): Job<Input, Output> {
  return { name, entry: "layer", run: async (input, context) => await run(input, context) };
}

/** Counters in shared memory. */
export interface Shared {
  readonly memory: SharedArrayBuffer;
}

/** The counters of a {@linkcode Shared}. */
export function cells(shared: Shared): Int32Array {
  return new Int32Array(shared.memory);
}

/**
 * A promise whose rejection never counts as unhandled: a test that fails before it awaits the promise fails
 * alone, and not with all tests of its file.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Resolves once a cell is not 0. */
export function nonZero(cell: Int32Array, index: number, signal?: AbortSignal): Promise<void> {
  return atLeast(cell, index, 1, signal);
}

/** Resolves once a cell holds `least` or more. Polls: `Atomics.waitAsync` does not keep an event loop alive. */
export async function atLeast(
  cell: Int32Array,
  index: number,
  least: number,
  signal?: AbortSignal,
): Promise<void> {
  while (Atomics.load(cell, index) < least) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** New counters, all 0. */
export function shared(): Shared {
  return { memory: new SharedArrayBuffer(16) };
}

export const echo: Job<unknown, unknown> = job("echo", (input: unknown) => input);

/** Never returns to its event loop, so that no message reaches it. Ends when it is cancelled. */
export const spinUntilAborted: Job<Shared, null> = job(
  "spinUntilAborted",
  (input: Shared, { throwIfAborted }) => {
    Atomics.store(cells(input), 0, 1);
    for (;;) throwIfAborted();
  },
);

export const hashAll: Job<null, { bytes: number; digest: string }> = job(
  "hashAll",
  async (_: null, { stream }) => {
    const hasher = createHasher();
    let bytes = 0;
    for await (const chunk of stream) {
      hasher.update(chunk);
      bytes += chunk.length;
    }
    return { bytes, digest: hasher.digest() };
  },
);

/** Reads one chunk, and one more for each count in cell 0, which it decrements. Adds the sizes to cell 1. */
export const readWhenTold: Job<Shared, number> = job(
  "readWhenTold",
  async (input: Shared, { stream, signal }) => {
    const told = cells(input);
    let total = 0;
    for await (const chunk of stream) {
      total += chunk.length;
      Atomics.add(told, 1, chunk.length);
      await nonZero(told, 0, signal);
      Atomics.sub(told, 0, 1);
    }
    return total;
  },
);

export const failWell: Job<null, never> = job("failWell", () => {
  throw new VarveError("E_DIGEST", "Cannot store blob: digest differs", {
    expected: "sha256:aa",
    actual: "sha256:bb",
  });
});

export const failBadly: Job<null, never> = job("failBadly", () => {
  throw new RangeError("a foreign error");
});

export const failOnStream: Job<null, string> = job("failOnStream", async (_: null, { stream }) => {
  try {
    for await (const _ of stream) { /* wait for the failure */ }
  } catch (error) {
    throw new VarveError("E_TRUNCATED", "Cannot read the layer: its source failed", {
      hint: error instanceof Error ? error.message : "",
    });
  }
  return "no failure";
});

export const waitForAbort: Job<Shared, never> = job(
  "waitForAbort",
  async (input: Shared, { signal, stream }) => {
    const closed = cells(input);
    Atomics.add(closed, 0, 1);
    try {
      for await (const _ of stream) { /* until aborted */ }
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      throw new Error("unreachable");
    } finally {
      await Promise.resolve();
      Atomics.add(closed, 1, 1);
    }
  },
);

export const ignoreAbort: Job<Shared, string> = job(
  "ignoreAbort",
  async (input: Shared, { signal }) => {
    const started = cells(input);
    Atomics.add(started, 0, 1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return "done all the same";
  },
);

export const exit: Job<number, never> = job("exit", (code: number) => Deno.exit(code));

export const close: Job<null, never> = job("close", () => {
  (globalThis as unknown as { close(): void }).close();
  return new Promise<never>(() => {});
});

/** Reads a path. */
export const readPath: Job<string, Uint8Array> = job("readPath", (path) => Deno.readFileSync(path));

export const throwLater: Job<null, never> = job("throwLater", () => {
  setTimeout(() => {
    throw new RangeError("thrown in a timer");
  });
  return new Promise<never>(() => {});
});

export const rejectAside: Job<null, never> = job("rejectAside", () => {
  void Promise.reject(new Error("rejected aside"));
  return new Promise<never>(() => {});
});

/** Counts its start in cell 0, and never returns to the event loop. */
export const spin: Job<Shared, never> = job("spin", (input: Shared) => {
  Atomics.add(cells(input), 0, 1);
  for (;;) { /* busy */ }
});

/** As {@linkcode spin}, but blocked and not busy. */
export const waitForever: Job<Shared, never> = job("waitForever", (input: Shared) => {
  Atomics.add(cells(input), 0, 1);
  for (;;) Atomics.wait(cells(input), 1, 0);
});

/** Posts a message that is not part of the protocol. */
export const post: Job<unknown, never> = job("post", (message: unknown) => {
  (globalThis as unknown as Worker).postMessage(message);
  return new Promise<never>(() => {});
});

/** Leaves work behind that reads and reports after the job is over. */
export const leaveBehind: Job<null, string> = job(
  "leaveBehind",
  (_: null, { stream, progress }) => {
    setTimeout(async () => {
      progress({ read: 1, written: 1 });
      for await (const _ of stream) { /* nothing arrives any more */ }
    });
    return "left";
  },
);

export const uncloneable: Job<null, unknown> = job("uncloneable", () => () => {});

export const report: Job<number, number> = job("report", (times: number, { progress }) => {
  for (let i = 1; i <= times; i++) progress({ read: i, written: 2 * i });
  return times;
});

/** Number of times that this thread ran `count`, plus what `warmUp` adds. */
let used = 0;
export const count: Job<null, number> = job("count", () => ++used);

/** Adds 100 to `used` and 1 to cell 0 when it starts. Runs until it is aborted, and then adds 1000. */
export const warmUp: Job<Shared, null> = job("warmUp", async (input: Shared, { signal }) => {
  used += 100;
  Atomics.add(cells(input), 0, 1);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  used += 1000;
  return null;
});

/** Counts its start in cell 0, and never ends, not even when it is aborted. */
export const deaf: Job<Shared, never> = job("deaf", (input: Shared) => {
  Atomics.add(cells(input), 0, 1);
  return new Promise<never>(() => {});
});

/** Takes the first chunk of a layer and then dies. */
export const crashingLayer: typeof layerJob = {
  ...layerJob,
  name: "crashingLayer",
  run: (input, context) => {
    const stream = async function* () {
      for await (const chunk of context.stream) {
        yield chunk;
        setTimeout(() => {
          throw new Error("crash");
        });
        await new Promise(() => {});
      }
    };
    return layerJob.run(input, { ...context, stream: stream() });
  },
};

/** All jobs that `worker.ts` serves. */
export const JOBS: readonly AnyJob[] = [
  readPath,
  spinUntilAborted,
  echo,
  hashAll,
  readWhenTold,
  failWell,
  failBadly,
  failOnStream,
  waitForAbort,
  ignoreAbort,
  exit,
  close,
  throwLater,
  rejectAside,
  spin,
  waitForever,
  post,
  leaveBehind,
  uncloneable,
  report,
  count,
  warmUp,
  deaf,
  ...layerJobs,
  crashingLayer,
];
