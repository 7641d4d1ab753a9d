import { type Expected, verifyStream } from "../digest/mod.ts";

/** What one pull of a stream over memory gives. */
const PIECE = 256 * 1024;

/** Bytes in memory as a stream of pieces. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(offset, offset + PIECE));
      offset += PIECE;
    },
  });
}

/**
 * A stream that errors unless its bytes are those of the digest, and with `signal.reason` when that aborts.
 * `onDamage` hears of it before the reader does.
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

/** A stream that ends with `signal.reason` when that aborts. */
export function endedBy(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  if (signal === undefined) return source;
  return source.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
}
