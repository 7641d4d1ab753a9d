import {
  createProgramPool,
  type ProgramPool,
  type ProgramPoolOptions,
} from "../../../lib/pool/internal.ts";

/** Starts a worker that serves the tests' jobs. */
export function spawn(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

/** A pool of such workers, two of them when `options` do not say. */
export function testPool(options: ProgramPoolOptions = {}): ProgramPool {
  return createProgramPool({ workers: 2, spawn, ...options });
}
