/** Long work in steps of a few milliseconds. Each `next()` does one step; the last returns the result. */
export type Steps<T> = Generator<undefined, T>;

/**
 * Does all steps at once.
 *
 * @param checkpoint called between steps; an error that it throws ends the work
 */
export function finishSteps<T>(steps: Steps<T>, checkpoint?: () => void): T {
  for (let step = steps.next();; step = steps.next()) {
    if (step.done === true) return step.value;
    checkpoint?.();
  }
}

/** Number of items between two calls of a checkpoint. */
const ITEMS = 1024;

/** Passes items on, and calls `checkpoint` after every few of them. An error that it throws ends the work. */
export function* withCheckpoints<T>(items: Iterable<T>, checkpoint: () => void): Generator<T> {
  let passed = 0;
  for (const item of items) {
    yield item;
    if (++passed % ITEMS === 0) checkpoint();
  }
}
