import { sleep } from "../../../linux/mod.ts";

/** Time in ms after which a long synchronous work lets timers and signals run. */
const SLICE = 20;

/** Runs steps to their end. Lets timers and signals run in between. */
export async function inSlices<T>(
  steps: Generator<unknown, T>,
  signal?: AbortSignal,
): Promise<T> {
  let end = performance.now() + SLICE;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() < end) continue;
    await sleep(0, signal);
    end = performance.now() + SLICE;
  }
}
