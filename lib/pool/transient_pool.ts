import type { Job, Pool, PoolOptions, RunOptions, WorkerEntry } from "./contract.ts";
import { createPool } from "./pool.ts";

/**
 * Makes a pool that nobody has to dispose: its workers end with its last job. It is for objects that
 * were given no pool and that are never disposed themselves, such as a snapshotter.
 */
export function createTransientPool(options: PoolOptions = {}): Pool {
  return new TransientPool(options);
}

class TransientPool implements Pool {
  /** The pool of the running jobs. While no job runs, it has no workers. */
  #pool: Pool;
  #jobs = 0;
  readonly #options: PoolOptions;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#pool = createPool(options);
  }

  get size(): number {
    return this.#pool.size;
  }

  get inline(): boolean {
    return this.#pool.inline;
  }

  get running(): number {
    return this.#pool.running;
  }

  get waiting(): number {
    return this.#pool.waiting;
  }

  prepare(entry: WorkerEntry): void {
    // Without a job, nothing would end the worker.
    if (this.#jobs > 0) this.#pool.prepare(entry);
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: RunOptions,
  ): Promise<Output> {
    const pool = this.#pool;
    this.#jobs++;
    try {
      return await pool.run(job, input, options);
    } finally {
      if (--this.#jobs === 0) {
        this.#pool = createPool(this.#options);
        await pool[Symbol.asyncDispose]();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}
