import type { Job, Pool, RunOptions, WorkerEntry } from "../../pool/mod.ts";

/** A pool that also says how busy it is. */
export class CountedPool implements Pool {
  readonly #pool: Pool;
  #jobs = 0;

  /** Jobs run in the given pool, which is disposed by its owner. */
  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get size(): number {
    return this.#pool.size;
  }

  get inline(): boolean {
    return this.#pool.inline;
  }

  /** Jobs that a worker runs. */
  get running(): number {
    return Math.min(this.#jobs, this.size);
  }

  /** Jobs that wait for a worker. */
  get waiting(): number {
    return this.#jobs - this.running;
  }

  prepare(entry: WorkerEntry): void {
    this.#pool.prepare(entry);
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: RunOptions,
  ): Promise<Output> {
    this.#jobs++;
    try {
      return await this.#pool.run(job, input, options);
    } finally {
      this.#jobs--;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
