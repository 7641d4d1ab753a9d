import type { JobProgress } from "./contract.ts";

/** Milliseconds between two reports: about 16 a second, enough for a progress bar. */
const INTERVAL = 64;

/** Passes on the first and the last report, and one in each interval between them. */
export class ProgressThrottle {
  readonly #emit: (value: JobProgress) => void;
  readonly #now: () => number;
  #last = -Infinity;
  #held: JobProgress | null = null;

  /** `emit` is called with each report that is passed on; `now` is a clock in milliseconds. */
  constructor(emit: (value: JobProgress) => void, now: () => number = () => performance.now()) {
    this.#emit = emit;
    this.#now = now;
  }

  /** Passes the report on, or holds it back. */
  report(value: JobProgress): void {
    const now = this.#now();
    if (now - this.#last < INTERVAL) {
      this.#held = value;
      return;
    }
    this.#last = now;
    this.#held = null;
    this.#emit(value);
  }

  /** Passes on the report that was held back, if any. Call it when the job succeeds. */
  flush(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#emit(held);
  }
}
