/** When what failed is tried again. */

/** Longest wait that a registry may ask for, in ms. */
const MAX_WAIT = 30_000;
/** Answers that another try may change (RFC 9110; 425 and 429 of RFC 8470 and 6585). */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** Whether another try may bring another answer. */
export function isPassing({ status }: Response): boolean {
  return PASSING.includes(status);
}

/** Milliseconds that a Retry-After header asks for; 0 when it asks for nothing that makes sense. */
export function retryAfter(response: Response, now: number = Date.now()): number {
  const text = response.headers.get("retry-after")?.trim() ?? "";
  if (/^[0-9]{1,12}$/.test(text)) return Math.min(Number(text) * 1000, MAX_WAIT);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.min(Math.max(0, date - now), MAX_WAIT);
}

/**
 * Milliseconds to wait: up to `ms`, and never less than half of it, so that those whom one failure
 * stopped do not come back at once together; never less than `least`, never more than half a minute.
 */
export function waitFor(ms: number, least: number = 0): number {
  const jittered = ms * (1 + Math.random()) / 2;
  return Math.min(Math.max(jittered, least), MAX_WAIT);
}

/** Waits as {@linkcode waitFor} says. @throws the signal's reason */
export async function pause(
  ms: number,
  signal: AbortSignal | undefined,
  least: number = 0,
): Promise<void> {
  signal?.throwIfAborted();
  const wait = waitFor(ms, least);
  if (wait <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, wait);
    signal?.addEventListener("abort", end, { once: true });
  });
}
