import { type Expected, Verifier } from "./verifier.ts";

/**
 * Passes bytes on unchanged and verifies them: the stream errors
 * unless they have the expected size and digest.
 *
 * The verdict comes at the end, after a reader has seen the bytes. Commit nothing before the stream
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
 * The stream errors with `E_SIZE` for too many or too few bytes, and with `E_DIGEST` for wrong bytes.
 * Both errors have `expected` and `actual` in their details.
 */
export class VerifyingStream implements TransformStream<Uint8Array, Uint8Array> {
  // It is not a subclass: that would load the streams of the engine at each start, which takes 5 ms.
  /** The bytes that passed. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes the bytes. */
  readonly writable: WritableStream<Uint8Array>;

  /**
   * Makes the stream.
   *
   * @param onMismatch called when the bytes are not the expected ones, before the reader gets the error
   * @throws {RangeError} when the size is not an integer from 0 to 2⁵³ − 1
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
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        judge(() => verifier.update(chunk));
        controller.enqueue(chunk);
      },
      flush: () => judge(() => verifier.finish()),
    });
    this.readable = readable;
    this.writable = writable;
  }
}

/** Makes a {@linkcode VerifyingStream}. */
export function verifyStream(expected: Expected, onMismatch?: () => void): VerifyingStream {
  return new VerifyingStream(expected, onMismatch);
}
