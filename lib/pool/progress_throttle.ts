import type { JobProgress } from "./contract.ts";

/** Milliseconds between two reports: about four frames of a terminal's bar. */
const INTERVAL = 64;

/** Passes on the first and the last report, and between them one an interval. */
export class ProgressThrottle {
  readonly #emit: (value: JobProgress) => void;
  readonly #now: () => number;
  #last = -Infinity;
  #held: JobProgress | null = null;

  /** `now` is a clock in milliseconds. */
  constructor(emit: (value: JobProgress) => void, now: () => number = () => performance.now()) {
    this.#emit = emit;
    this.#now = now;
  }

  /** Passes the value on, or holds it back. */
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

  /** Passes on what was held back; call it when the job succeeded. */
  flush(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#emit(held);
  }
}
