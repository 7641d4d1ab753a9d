import { assert, assertEquals } from "@std/assert";
import { warmUpCompose } from "../../../lib/compose/internal.ts";
import { warmUpJob } from "../../../lib/compose/warm_up.ts";
import { isSupported } from "../../../lib/linux/mod.ts";
import { createProgramPool, type FromWorker } from "../../../lib/pool/internal.ts";
import type { JobContext } from "../../../lib/pool/mod.ts";
import { spawnWorker } from "../../../lib/pool/spawn.ts";

// Opens libc, which a thread keeps.
isSupported();

/** The context of a job that asks `isAborted` whenever it looks at its signal. */
function contextOf(isAborted: () => boolean): JobContext {
  const { signal } = new AbortController();
  Object.defineProperty(signal, "aborted", { get: isAborted });
  return {
    signal,
    throwIfAborted: () => signal.throwIfAborted(),
    stream: (async function* () {})(),
    progress: () => {},
  };
}

Deno.test("a warm-up ends after the step in which it is aborted", async () => {
  let looks = 0;
  assertEquals(await warmUpJob.run(null, contextOf(() => ++looks === 3)), null);
  assertEquals(looks, 3);
});

Deno.test("a job that comes during a warm-up waits for one step, not for a whole composition", async () => {
  let looks = 0, heard = 0;
  await warmUpJob.run(
    null,
    contextOf(() => {
      looks++;
      // Like the message of a job that comes now: it is heard before the next look.
      setTimeout(() => heard++);
      assert(heard >= looks - 1, `${heard} messages were heard before look ${looks}`);
      return false;
    }),
  );
  // It composes 12 times.
  assert(looks > 40, `${looks} looks`);
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("the worker of compositions warms up: every made-up chain can be composed", async () => {
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
