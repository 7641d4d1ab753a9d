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
