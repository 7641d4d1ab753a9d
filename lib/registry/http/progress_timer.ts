/**
 * Minimum number of bytes that counts as progress. A peer that sends one byte a minute makes no
 * progress.
 */
const PROGRESS_BYTES = 1024;

/**
 * Measures how long a peer makes no progress. Only the time inside reads counts, so a slow consumer
 * does not count against the peer. One timer serves all reads, because a timer for each read would
 * cost more than most reads.
 */
export class ProgressTimer {
  /** Whether the peer made no progress for too long. */
  isExpired = false;
  readonly #limit: number;
  readonly #onExpire: () => void;
  #left: number;
  #bytes = 0;
  /** When the current read began; `null` between reads. */
  #since: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `limit` is in milliseconds. */
  constructor(limit: number, onExpire: () => void) {
    this.#limit = this.#left = limit;
    this.#onExpire = onExpire;
  }

  /** Call before a read. */
  beginRead(): void {
    this.#since = performance.now();
    if (this.#timer === undefined) this.#arm(this.#left);
  }

  /** Call after a read, with the number of bytes that it returned. */
  endRead(bytes: number): void {
    this.#left -= performance.now() - (this.#since ?? 0);
    this.#since = null;
    this.#bytes += bytes;
    if (this.#bytes >= PROGRESS_BYTES) [this.#left, this.#bytes] = [this.#limit, 0];
  }

  /** Call after the last read. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#check(), Math.max(1, ms));
  }

  #check(): void {
    const waited = this.#since === null ? 0 : performance.now() - this.#since;
    const left = this.#left - waited;
    if (this.#since === null || left > 0) return this.#arm(left);
    this.isExpired = true;
    this.#onExpire();
  }
}
