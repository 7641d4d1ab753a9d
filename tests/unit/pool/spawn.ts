import { createPool, type Pool, type PoolOptions } from "../../../lib/pool/mod.ts";

/** Starts a worker that serves the tests' jobs. */
export function spawn(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

/** A pool of such workers. */
export function testPool(options: PoolOptions = {}): Pool {
  return createPool({ workers: 2, spawn, ...options });
}
