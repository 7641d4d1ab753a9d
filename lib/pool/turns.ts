/** Lets only some works run at the same time; the others begin in their order. */
export class Turns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs `work` when fewer than `limit` works run. */
  async take<T>(limit: number, work: () => Promise<T>): Promise<T> {
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
