/** Bounds how many works run at the same time. The others wait, and begin in their order. */
export class Semaphore {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Waits until fewer than `limit` works run, then runs `work`. */
  async run<T>(limit: number, work: () => Promise<T>): Promise<T> {
    if (this.#running < limit) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
