/**
 * Yields the chunks of a stream until a signal is aborted. The abort also ends a wait for the next
 * chunk.
 *
 * @throws the signal's reason
 */
export async function* untilAborted(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // Each step has a new promise, because one promise for all steps would keep the results of all
  // steps alive.
  let step = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const stop = () => step.reject(signal.reason);
  signal.addEventListener("abort", stop);
  const iterator = bytes[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      step = Promise.withResolvers();
      iterator.next().then(step.resolve, step.reject);
      const { done, value } = await step.promise;
      finished = done === true;
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    // Not awaited: the stream itself may hang.
    if (!finished) void iterator.return?.().catch(() => {});
  }
}
