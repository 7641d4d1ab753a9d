/**
 * Does several things side by side. The first failure aborts the others, and is
 * thrown untouched once all have settled: whoever cleans up then is alone.
 *
 * @param signal aborts all of them
 */
export async function together<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal?: AbortSignal,
): Promise<T[]> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const out: T[] = [];
  await Promise.all(tasks.map(async (task, index) => {
    try {
      out[index] = await task(either);
    } catch (error) {
      stop.abort(error);
    }
  }));
  if (stop.signal.aborted) throw stop.signal.reason;
  return out;
}
