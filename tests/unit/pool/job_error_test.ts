import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import type { Pool } from "../../../lib/pool/mod.ts";
import * as jobs from "./jobs.ts";
import { testPool } from "./spawn.ts";

function both(name: string, fn: (pool: Pool) => Promise<void>): void {
  for (const inline of [false, true]) {
    Deno.test(`${name}, ${inline ? "inline" : "in workers"}`, async () => {
      await using pool = testPool({ inline });
      await fn(pool);
    });
  }
}

both(
  "P6: an error of the kernel in a job is one of varve, with the kernel's name",
  async (pool) => {
    // Reading a directory fails with EISDIR.
    const reading = pool.run(jobs.readPath, import.meta.dirname as string);
    const error = await assertRejects(
      () => reading,
      VarveError,
      "Cannot finish the job readPath: ",
    );
    assertEquals([error.code, error.details.errno], ["E_SYSCALL", "EISDIR"]);
  },
);

both("an error of the kernel in the caller's stream comes back as it is", async (pool) => {
  const failure = new Error("Input/output error (os error 5)");
  // deno-lint-ignore require-yield
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    throw failure;
  };
  const running = pool.run(jobs.hashAll, null, { stream: stream() });
  assertEquals(await running.catch((error) => error) === failure, true);
});
