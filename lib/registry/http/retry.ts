/** Decides whether a failed request is retried, and how long to wait before the retry. */

/** Maximum wait in ms, whatever a registry asks for. */
const MAX_WAIT = 30_000;
/** Statuses of temporary errors (RFC 9110; 425 and 429 of RFC 8470 and 6585). */
const TRANSIENT_STATUSES = [408, 425, 429, 500, 502, 503, 504];

/** Whether the status is a temporary error, so that a retry may help. */
export function isTransient({ status }: Response): boolean {
  return TRANSIENT_STATUSES.includes(status);
}

/** Milliseconds that a `Retry-After` header asks to wait, at most 30,000; 0 without a valid header. */
export function retryAfter(response: Response, now: number = Date.now()): number {
  const text = response.headers.get("retry-after")?.trim() ?? "";
  if (/^[0-9]{1,12}$/.test(text)) return Math.min(Number(text) * 1000, MAX_WAIT);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.min(Math.max(0, date - now), MAX_WAIT);
}

/**
 * Milliseconds to wait before a retry: a random number between `ms / 2` and `ms`, at least `least`,
 * at most 30,000. The randomness keeps clients from retrying at the same moment after a common
 * failure.
 */
export function retryDelay(ms: number, least: number = 0): number {
  const jittered = ms * (1 + Math.random()) / 2;
  return Math.min(Math.max(jittered, least), MAX_WAIT);
}

/**
 * Waits for the time that {@linkcode retryDelay} returns.
 *
 * @throws the signal's reason when it is aborted
 */
export async function waitBeforeRetry(
  ms: number,
  signal: AbortSignal | undefined,
  least: number = 0,
): Promise<void> {
  signal?.throwIfAborted();
  const delay = retryDelay(ms, least);
  if (delay <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, delay);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
