import { assertEquals } from "@std/assert";
import { createTransientPool } from "../../../lib/pool/internal.ts";
import * as jobs from "./jobs.ts";
import { spawn } from "./spawn.ts";

Deno.test("the workers of a transient pool end with its last job, without a dispose", async () => {
  const started: string[] = [];
  const pool = createTransientPool({ spawn: (entry) => (started.push(entry), spawn()) });
  // Nothing would end a worker that no job takes.
  pool.prepare("layer");
  assertEquals(started, []);
  const both = [pool.run(jobs.count, null), pool.run(jobs.count, null)];
  pool.prepare("extract");
  await Promise.all(both);
  const before = started.length;
  assertEquals(await pool.run(jobs.count, null), 1);
  assertEquals([started.length > before, pool.inline], [true, false]);
});

Deno.test("a transient pool that is disposed cancels its jobs", async () => {
  const pool = createTransientPool({ inline: true });
  await pool[Symbol.asyncDispose]();
  const error = await pool.run(jobs.count, null).catch((error) => error);
  assertEquals(error instanceof TypeError, true);
});
