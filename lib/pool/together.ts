/**
 * Does several things side by side. The first failure aborts the others, and is
 * thrown untouched once all have settled: whoever cleans up then is alone.
 *
 * @param signal aborts all of them
 * @param atOnce how many at a time; all by default
 */
export async function together<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal?: AbortSignal,
  atOnce: number = tasks.length,
): Promise<T[]> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const out: T[] = [];
  const waiting = tasks.entries();
  const lane = async () => {
    for (const [index, task] of waiting) {
      if (stop.signal.aborted) return;
      try {
        out[index] = await task(either);
      } catch (error) {
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, lane));
  if (stop.signal.aborted) throw stop.signal.reason;
  return out;
}
