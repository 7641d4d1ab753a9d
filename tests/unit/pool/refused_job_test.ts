import { assertEquals } from "@std/assert";
import type { Pool } from "../../../lib/pool/mod.ts";
import * as jobs from "./jobs.ts";
import { testPool } from "./spawn.ts";

/** A stream, and whether it was cancelled. */
function stream(): { readonly bytes: ReadableStream<Uint8Array>; isClosed: boolean } {
  const out = {
    bytes: new ReadableStream<Uint8Array>({ cancel: () => void (out.isClosed = true) }),
    isClosed: false,
  };
  return out;
}

async function refused(pool: Pool, signal?: AbortSignal): Promise<[unknown, boolean]> {
  const given = stream();
  const job = pool.run(jobs.echo, 1, { signal, stream: given.bytes });
  return [await job.catch((error) => error.message ?? error), given.isClosed];
}

for (const inline of [false, true]) {
  const suffix = inline ? "inline" : "in workers";
  Deno.test(`a job that never begins closes its stream, ${suffix}`, async () => {
    await using pool = testPool({ inline });
    assertEquals(await refused(pool, AbortSignal.abort("no")), ["no", true]);
    const release = new AbortController();
    const running = Array.from(
      { length: pool.size },
      () => pool.run(jobs.ignoreAbort, jobs.shared(), { signal: release.signal }).catch((e) => e),
    );
    const controller = new AbortController();
    const waiting = refused(pool, controller.signal);
    controller.abort("changed my mind");
    assertEquals(await waiting, ["changed my mind", true]);
    // Its worker is found, but it does not begin.
    const started = new AbortController();
    release.abort("go");
    await Promise.all(running);
    const soon = refused(pool, started.signal);
    started.abort("too late");
    assertEquals(await soon, ["too late", true]);
    await pool[Symbol.asyncDispose]();
    assertEquals(await refused(pool), ["Cannot run job echo: the pool is disposed", true]);
  });
}
