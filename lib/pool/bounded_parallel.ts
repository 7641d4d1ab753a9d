/** Options of {@linkcode boundedParallel}. */
export interface ParallelOptions {
  /** Maximum number of items that are worked on at once; no limit when absent. */
  readonly limit?: number | undefined;
  /** Aborts the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Works on several items at once and gives the results in the order of the items.
 *
 * The first failure aborts the signal of all running calls of `work`, and no new item is started.
 * When all running calls have settled, the error of the first failure is thrown, untouched. No call
 * of `work` runs any more then, so the caller may delete the files that the calls used.
 *
 * @throws the first error of `work`, or the reason of `signal` if it is aborted earlier
 * @throws {RangeError} when `limit` is below 1
 */
export async function boundedParallel<T, U>(
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<U>,
  { limit = Infinity, signal: outer }: ParallelOptions = {},
): Promise<U[]> {
  if (!(limit >= 1)) throw new RangeError(`Cannot work on ${limit} items at once`);
  const inner = new AbortController();
  const signal = outer === undefined ? inner.signal : AbortSignal.any([outer, inner.signal]);
  const results: U[] = [];
  const failures: unknown[] = [];
  const waiting = items.entries();
  const lane = async () => {
    for (const [index, item] of waiting) {
      if (signal.aborted) return;
      try {
        results[index] = await work(item, signal);
      } catch (error) {
        // Ignores later errors, because they follow from the abort.
        if (!signal.aborted) failures.push(error);
        inner.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  signal.throwIfAborted();
  return results;
}
