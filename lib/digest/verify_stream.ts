import { type Expected, Verifier } from "./verifier.ts";

/**
 * Passes bytes on unchanged and proves them: the stream errors unless they have the expected
 * size and digest.
 *
 * A reader has seen bytes before the verdict falls at the end, so commit nothing before the stream
 * has closed. At the first byte too many the stream errors, which cancels its source.
 *
 * @example
 * ```ts
 * import { sha256, VerifyingStream } from "@varve/varve/digest";
 *
 * const bytes = new TextEncoder().encode("varve");
 * const stream = ReadableStream.from([bytes])
 *   .pipeThrough(new VerifyingStream({ digest: sha256(bytes), size: bytes.length }));
 * await new Response(stream).text();
 * ```
 *
 * Errors: `E_SIZE` for too many or too few bytes, else `E_DIGEST` for others than expected; both
 * tell `expected` and `actual` in their details.
 */
export class VerifyingStream extends TransformStream<Uint8Array, Uint8Array> {
  /**
   * Makes the stream. `onMismatch` hears of bytes that are not the expected ones before the reader does.
   *
   * @throws {RangeError} when the size is not a whole number from 0 to 2⁵³ − 1
   */
  constructor(expected: Expected, onMismatch?: () => void) {
    const verifier = new Verifier(expected);
    const judge = (step: () => void) => {
      try {
        step();
      } catch (error) {
        onMismatch?.();
        throw error;
      }
    };
    super({
      transform(chunk, controller): void {
        judge(() => verifier.update(chunk));
        controller.enqueue(chunk);
      },
      flush: () => judge(() => verifier.finish()),
    });
  }
}

/** A {@linkcode VerifyingStream} for what is expected. */
export function verifyStream(expected: Expected, onMismatch?: () => void): VerifyingStream {
  return new VerifyingStream(expected, onMismatch);
}
