/**
 * Waiting in tests: always for something that happens, never for time to pass.
 *
 * A busy machine is slow without limit, so no test may conclude anything from a short time. What a
 * test waits for has a deadline only to turn a hang into a failure that names what did not happen.
 * To show that something does *not* happen, a test waits for a later event and looks then.
 */

/** Milliseconds after which a wait fails: far more than a busy machine needs. */
export const DEADLINE: number = 10 * 60_000;

/** Milliseconds between two looks. */
const PAUSE = 10;

// Tests that control the clock or the timers still have deadlines.
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** How {@linkcode waitUntil} waits. */
export interface WaitOptions {
  /** Told in the error: what was seen instead. */
  readonly seen?: () => unknown;
  /** Milliseconds; {@linkcode DEADLINE} when absent. */
  readonly deadline?: number;
}

/**
 * Asks again and again until there is an answer.
 *
 * @param what the awaited event, for the error: `the mount of /mnt`
 * @param ask gives the answer; `undefined` or `false` as long as there is none
 * @throws {Error} when there is none at the deadline
 *
 * @example
 * ```ts ignore
 * const pid = await waitUntil("the first process", () => firstProcessOf(container));
 * ```
 */
export async function waitUntil<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { seen, deadline = DEADLINE }: WaitOptions = {},
): Promise<T> {
  for (const end = now() + deadline;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (now() > end) {
      const instead = seen === undefined ? "" : `; seen instead: ${Deno.inspect(seen())}`;
      throw new Error(`Cannot wait for ${what} any longer than ${deadline} ms${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Awaits what may hang.
 *
 * @param what the awaited event, for the error: `the end of the server`
 * @throws {Error} when it has not happened at the deadline
 */
export async function within<T>(
  what: string,
  event: PromiseLike<T>,
  deadline: number = DEADLINE,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`Cannot wait for ${what} any longer than ${deadline} ms`);
  const timer = setTimeout(() => late.reject(error), deadline);
  try {
    return await Promise.race([event, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
