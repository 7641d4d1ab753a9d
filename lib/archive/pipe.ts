/**
 * A queue of bytes between a consumer and a synchronous producer, such as a callback of a parser, which cannot wait for
 * room in the queue. The caller of the parser awaits `drained` before it parses the next chunk, so the queue stays
 * bounded.
 */
export class Pipe implements AsyncIterable<Uint8Array> {
  readonly #highWater: number;
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #state: "open" | "ended" | "failed" | "closed" = "open";
  #error: unknown;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** `drained` waits while `highWater` bytes or more are queued. */
  constructor(highWater: number = 1024 * 1024) {
    this.#highWater = highWater;
  }

  /** Queues a chunk, which then belongs to the pipe. Drops it when the reader has stopped. */
  push(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#queued += chunk.length;
    this.#wake("reader");
  }

  /** Ends the stream after the queued chunks. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#wake("reader");
  }

  /** Makes the reader fail with the error of the source. */
  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#wake("reader");
  }

  /** Resolves when there is room, or when the reader has stopped. */
  async drained(): Promise<void> {
    while (this.#state === "open" && this.#queued >= this.#highWater) {
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
  }

  /** Stops the reader. Chunks that are pushed afterwards are dropped. */
  close(): void {
    this.#state = "closed";
    this.#chunks = [];
    this.#queued = 0;
    this.#wake("reader");
    this.#wake("writer");
  }

  /** Reads the chunks. Leaving the loop closes the pipe. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#queued -= chunk.length;
          this.#wake("writer");
          yield chunk;
          continue;
        }
        if (this.#state === "failed") throw this.#error;
        if (this.#state !== "open") return;
        await new Promise<void>((resolve) => this.#wakeReader = resolve);
      }
    } finally {
      this.close();
    }
  }

  #wake(who: "reader" | "writer"): void {
    const wake = who === "reader" ? this.#wakeReader : this.#wakeWriter;
    if (who === "reader") this.#wakeReader = undefined;
    else this.#wakeWriter = undefined;
    wake?.();
  }
}
