/** A job's stream in the worker: holds each chunk until the handler takes it. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #taken: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #end: { readonly error: unknown } | { readonly error?: never | undefined } | null = null;
  #wake: (() => void) | null = null;

  /**
   * `taken` is called with the size of each chunk that the handler takes. The caller may then send
   * that many more bytes.
   */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  /** Adds a chunk. Ignored after the end. */
  push(bytes: Uint8Array): void {
    if (this.#end !== null) return;
    this.#chunks.push(bytes);
    this.#notify();
  }

  /** Ends the stream. Chunks that arrived before are still read. */
  end(): void {
    this.#end ??= {};
    this.#notify();
  }

  /** Fails the stream: the next read throws `error`, and chunks that arrived before are dropped. */
  fail(error: unknown): void {
    if (this.#end !== null && "error" in this.#end) return;
    this.#end = { error };
    this.#chunks = [];
    this.#notify();
  }

  /**
   * Iterates over the chunks. Only one reader may do so, because all iterators take from the same
   * queue.
   */
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
