/** Run by `death_test.ts` in a process of its own: jobs that block their thread for ever. */
import * as jobs from "./jobs.ts";
import { testPool } from "./spawn.ts";

// deno-lint-ignore no-console
const say = console.log;
const pool = testPool({ workers: 1, silence: 1000 });
for (const job of [jobs.spin, jobs.waitForever]) {
  await pool.run(job, jobs.shared()).catch((error) => say(job.name, error.code));
}
const controller = new AbortController();
const state = jobs.shared();
const cancelled = jobs.handled(pool.run(jobs.spin, state, { signal: controller.signal }));
await jobs.nonZero(jobs.cells(state), 0);
controller.abort("enough");
await cancelled.catch((error) => say("cancelled", error));
say(await pool.run(jobs.echo, "well"));
await pool[Symbol.asyncDispose]();
Deno.exit(0);
