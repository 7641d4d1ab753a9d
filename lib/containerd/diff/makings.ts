/**
 * Layers that are being made, by the digests of their blobs. A blob that is asked for several times is made into a layer
 * once: later callers wait for the first job. The job goes on while anybody waits for it. When the last caller is gone, it
 * is aborted.
 */
import type { Digest } from "../../digest/mod.ts";

/** A layer that is being made. */
interface Making<Made> {
  readonly made: Promise<Made>;
  readonly controller: AbortController;
  /** Number of callers that wait. */
  waiting: number;
}

/** The layers that are being made now. */
export class Makings<Made> {
  readonly #running = new Map<Digest, Making<Made>>();
  /** All jobs that have not ended, also those that are aborted and clean up. */
  readonly #jobs = new Set<Promise<Made>>();

  /** Number of layers that are being made. */
  get size(): number {
    return this.#running.size;
  }

  /** Whether a layer is being made of a blob. */
  has(digest: Digest): boolean {
    return this.#running.has(digest);
  }

  /**
   * Waits for the layer of a blob. If nobody makes it now, `make` does.
   *
   * @param signal ends the wait of this caller
   * @throws `signal.reason`, and what `make` throws
   */
  async get(
    digest: Digest,
    signal: AbortSignal,
    make: (signal: AbortSignal) => Promise<Made>,
  ): Promise<Made> {
    signal.throwIfAborted();
    const making = this.#running.get(digest) ?? this.#begin(digest, make);
    making.waiting++;
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([making.made, gone]);
    } finally {
      signal.removeEventListener("abort", leave);
      making.waiting--;
      if (making.waiting === 0 && this.#running.get(digest) === making) {
        // It runs on only if it has not ended yet. A caller that comes now begins again.
        this.#running.delete(digest);
        making.controller.abort(signal.aborted ? signal.reason : undefined);
      }
    }
  }

  /** Waits until no job runs, also none that was aborted. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#jobs);
  }

  #begin(digest: Digest, make: (signal: AbortSignal) => Promise<Made>): Making<Made> {
    const controller = new AbortController();
    const made = make(controller.signal).finally(() => {
      this.#jobs.delete(made);
      if (this.#running.get(digest) === making) this.#running.delete(digest);
    });
    // Prevents an unhandled rejection: the callers get the error, if any of them still waits.
    made.catch(() => {});
    this.#jobs.add(made);
    const making: Making<Made> = { made, controller, waiting: 0 };
    this.#running.set(digest, making);
    return making;
  }
}
