/**
 * Runs the synchronous work of a job. A job's handler must return its promise before it can throw,
 * and this function does so. It does not begin the work if the job is cancelled.
 *
 * @throws `signal.reason`
 */
export async function runSyncJob<T>(signal: AbortSignal, work: () => T): Promise<T> {
  await Promise.resolve();
  signal.throwIfAborted();
  return work();
}
