/**
 * Until it is disposed, no timer that is started in this thread ever fires: what waits for one
 * waits for ever. So a test shows, without a clock, that something else ended a wait.
 */
export function stopTimers(): Disposable {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = (() => 0) as unknown as typeof real;
  return {
    [Symbol.dispose](): void {
      globalThis.setTimeout = real;
    },
  };
}
