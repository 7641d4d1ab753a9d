/** Run by `death_test.ts`: jobs that block their thread for good. */
import * as jobs from "./jobs.ts";
import { testPool } from "./spawn.ts";

// deno-lint-ignore no-console
const say = console.log;
const pool = testPool({ workers: 1, silence: 1000 });
for (const job of [jobs.spin, jobs.waitForever]) {
  await pool.run(job, null).catch((error) => say(job.name, error.code));
}
const controller = new AbortController();
const cancelled = pool.run(jobs.spin, null, { signal: controller.signal });
setTimeout(() => controller.abort("enough"), 100);
await cancelled.catch((error) => say("cancelled", error));
say(await pool.run(jobs.echo, "well"));
await pool[Symbol.asyncDispose]();
Deno.exit(0);
