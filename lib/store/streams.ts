import { type Expected, verifyStream } from "../digest/mod.ts";

/**
 * Passes bytes on and verifies them. The stream fails when their size or digest differs, and with
 * `signal.reason` when the signal aborts. `onDamage` is called before the reader gets the error.
 */
export function verified(
  source: ReadableStream<Uint8Array>,
  expected: Expected,
  { signal, onDamage }: {
    readonly signal?: AbortSignal | undefined;
    readonly onDamage?: (() => void) | undefined;
  },
): ReadableStream<Uint8Array> {
  const options = signal === undefined ? undefined : { signal };
  return source.pipeThrough(verifyStream(expected, onDamage), options);
}

/** Passes bytes on. The stream fails with `signal.reason` when the signal aborts. */
export function abortable(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  if (signal === undefined) return source;
  return source.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
}

/**
 * Passes a stream on. Disposes `owned` when the stream ends, fails or is cancelled, even before the first read.
 */
export function disposeAtEnd(
  bytes: ReadableStream<Uint8Array>,
  owned: AsyncDisposable,
): ReadableStream<Uint8Array> {
  const reader = bytes.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
      } catch (error) {
        await owned[Symbol.asyncDispose]();
        throw error;
      }
      await owned[Symbol.asyncDispose]();
      controller.close();
    },
    async cancel(reason) {
      await using _ = owned;
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
