/** Milliseconds of work after which the event loop gets a turn: about one frame at 60 frames a second. */
const SHARE = 16;

/**
 * Gives the event loop turns during long work. An `await` of a resolved promise gives it no turn. So
 * a loop over a stream that does no I/O would hold up all timers and signals until the stream ends.
 */
export class EventTurns {
  #last: number = performance.now();

  /** Whether there was no turn for some time. */
  get isDue(): boolean {
    return performance.now() - this.#last >= SHARE;
  }

  /** Waits for a turn of the event loop if there was none for some time. Cheap to call often. */
  async take(): Promise<void> {
    if (!this.isDue) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#last = performance.now();
  }
}

/** Does long work in steps, and gives the event loop turns between them. Rejects with `signal.reason`. */
export async function inTurns<T>(
  steps: Iterator<unknown, T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const turns = new EventTurns();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    signal?.throwIfAborted();
    // Not an `await` for each step: there may be millions.
    if (turns.isDue) await turns.take();
  }
}
