/** Locks by name, within this process. Each lock has one holder at a time. */
export class KeyedLocks {
  readonly #held = new Map<string, Promise<void>>();

  /**
   * Waits for the locks of some names, one after another. Every caller must give names in the same order:
   * otherwise two callers could wait for each other.
   *
   * @returns a function that frees them all
   * @throws `signal.reason`
   */
  async acquire(names: readonly string[], signal?: AbortSignal): Promise<() => void> {
    const free: (() => void)[] = [];
    const release = () => {
      for (const done of free.splice(0)) done();
    };
    try {
      for (const name of names) free.push(await this.#one(name, signal));
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  async #one(name: string, signal: AbortSignal | undefined): Promise<() => void> {
    for (let held; (held = this.#held.get(name)) !== undefined;) {
      signal?.throwIfAborted();
      await orAborted(held, signal);
    }
    signal?.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(name, promise);
    return () => {
      this.#held.delete(name);
      resolve();
    };
  }
}

/** Waits for a promise. @throws `signal.reason` when the signal aborts first */
async function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
