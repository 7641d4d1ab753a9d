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
