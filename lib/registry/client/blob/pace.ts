/** Bytes per second above which a connection is fast enough for one reader. */
const FAST = 100 * 2 ** 20;

/** Measures how fast a stream delivers its bytes, and how much of the time its reader waits for them. */
export class Pace {
  /** Number of bytes that were measured. */
  bytes = 0;
  /** Milliseconds in which these bytes arrived. */
  ms = 0;
  /** Milliseconds of that time in which the reader waited for bytes. */
  waited = 0;
  #since: number | undefined;

  /**
   * `since` is the time when the measurement begins (`performance.now()`). When absent, the
   * measurement begins with the first chunk, which is not counted.
   */
  constructor(since?: number) {
    this.#since = since;
  }

  /** Rate in bytes per second. */
  get rate(): number {
    return this.bytes / this.ms * 1000;
  }

  /** Passes the chunks of a stream on and measures them, but not the first `skip` bytes. */
  async *watch(
    stream: AsyncGenerator<Uint8Array, void, void>,
    skip = 0,
  ): AsyncGenerator<Uint8Array, void> {
    let passed = 0;
    try {
      for (;;) {
        const asked = performance.now();
        const { done, value } = await stream.next();
        if (done === true) return;
        const now = performance.now();
        passed += value.length;
        if (this.#since === undefined) {
          if (passed > skip) this.#since = now;
        } else {
          this.bytes += value.length;
          this.waited += now - asked;
          this.ms = now - this.#since;
        }
        yield value;
      }
    } finally {
      await stream.return();
    }
  }
}

/** Whether a stream is slow, and its reader mostly waits for it. */
export function isSlow(pace: Pick<Pace, "bytes" | "ms" | "waited">): boolean {
  return isWaitedFor(pace) && pace.bytes / pace.ms * 1000 < FAST;
}

/** Whether the reader of a stream mostly waits for it. */
export function isWaitedFor({ ms, waited }: Pick<Pace, "ms" | "waited">): boolean {
  return waited > ms / 2;
}
