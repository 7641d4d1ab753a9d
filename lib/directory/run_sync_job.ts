/**
 * Runs the synchronous work of a job in a later microtask, because a job's handler must return its
 * promise before the work can throw. It does not begin the work if the job is cancelled.
 *
 * @throws `signal.reason`
 */
export async function runSyncJob<T>(signal: AbortSignal, work: () => T): Promise<T> {
  await Promise.resolve();
  signal.throwIfAborted();
  return work();
}
