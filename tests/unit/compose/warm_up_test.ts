import { assert, assertEquals } from "@std/assert";
import { warmUpCompose } from "../../../lib/compose/internal.ts";
import { warmUpJob } from "../../../lib/compose/warm_up.ts";
import { isSupported } from "../../../lib/linux/mod.ts";
import { createProgramPool, type FromWorker } from "../../../lib/pool/internal.ts";
import type { JobContext } from "../../../lib/pool/mod.ts";
import { spawnWorker } from "../../../lib/pool/spawn.ts";

// Opens libc, which a thread keeps.
isSupported();

function contextOf(signal: AbortSignal): JobContext {
  return { signal, stream: (async function* () {})(), progress: () => {} };
}

Deno.test("a warm-up ends after the step in which it is wanted no more", async () => {
  const stop = new AbortController();
  const running = warmUpJob.run(null, contextOf(stop.signal));
  stop.abort();
  let turns = 0;
  const timer = setInterval(() => turns++);
  assertEquals(await running, null);
  clearInterval(timer);
  assert(turns <= 1, `${turns} turns`);
});

Deno.test("the job that comes to a warm-up waits for a part of a composition, not for all of one", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++);
  await warmUpJob.run(null, contextOf(new AbortController().signal));
  clearInterval(timer);
  // It composes 16 times.
  assert(turns > 40, `${turns} turns`);
});

Deno.test("the worker of compositions warms up: all that it makes up can be composed", async () => {
  const { promise, resolve } = Promise.withResolvers<FromWorker>();
  await using pool = createProgramPool({
    spawn(entry) {
      const worker = spawnWorker(entry);
      worker.addEventListener("message", ({ data }) => {
        if (data.kind === "done" || data.kind === "failed") resolve(data);
      });
      return worker;
    },
  });
  warmUpCompose(pool);
  const { kind } = await promise;
  assertEquals(kind, "done");
});
