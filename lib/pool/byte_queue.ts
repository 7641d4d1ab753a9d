/**
 * A job's stream on the worker's side: what arrived and was not taken yet.
 *
 * `taken` is told the size of each chunk that the handler takes; that is the
 * credit for the caller to send as much again.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #taken: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #end: { readonly error: unknown } | { readonly error?: never | undefined } | null = null;
  #wake: (() => void) | null = null;

  /** `taken` is called once for every chunk, when the handler takes it. */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  /** Adds a chunk; ignored behind the end. */
  push(bytes: Uint8Array): void {
    if (this.#end !== null) return;
    this.#chunks.push(bytes);
    this.#notify();
  }

  /** The stream is complete: what arrived is still given. */
  end(): void {
    this.#end ??= {};
    this.#notify();
  }

  /** The stream failed: the next read throws `error`, whatever arrived before. */
  fail(error: unknown): void {
    if (this.#end !== null && "error" in this.#end) return;
    this.#end = { error };
    this.#chunks = [];
    this.#notify();
  }

  /** One reader: every iterator takes from the same queue. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (this.#end !== null && "error" in this.#end) throw this.#end.error;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#taken(chunk.length);
        yield chunk;
      } else if (this.#end !== null) {
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
