/** Bytes a message carries at most: small enough to overlap, large enough to be cheap. */
const PIECE = 256 * 1024;

/** What a {@linkcode Pump} does with the stream. */
export interface PumpTarget {
  /** Sends a piece, whose buffer the receiver may keep. */
  chunk(bytes: Uint8Array<ArrayBuffer>): void;
  /** The stream is complete. */
  end(): void;
  /** The stream failed. */
  fail(error: unknown): void;
}

/**
 * A job's stream on the caller's side: takes chunks from the source and sends
 * copies while fewer than `window` bytes are on their way.
 *
 * A copy, because a transferred buffer is lost to whoever else holds it, and a
 * source may yield views of one buffer. It costs about 10 µs a piece.
 */
export class Pump {
  readonly #window: number;
  readonly #target: PumpTarget;
  #source: AsyncIterator<Uint8Array> | null = null;
  #onItsWay = 0;
  #stopped = false;
  #wake: (() => void) | null = null;

  /** `window` in bytes. */
  constructor(window: number, target: PumpTarget) {
    this.#window = window;
    this.#target = target;
  }

  /** Sends the stream to its end, its failure or `stop()`. Never rejects. */
  async run(stream: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      const source = this.#source = stream[Symbol.asyncIterator]();
      while (!this.#stopped) {
        const { done, value } = await source.next();
        if (done === true) {
          this.#source = null;
          if (!this.#stopped) this.#target.end();
          return;
        }
        await this.#send(value);
      }
    } catch (error) {
      this.#source = null;
      if (!this.#stopped) this.#target.fail(error);
    }
  }

  /** The receiver took that many bytes. */
  credit(bytes: number): void {
    this.#onItsWay -= bytes;
    this.#notify();
  }

  /** Sends no more and closes the source, without waiting for it. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#notify();
    const source = this.#source;
    this.#source = null;
    // A source that cannot even be closed has no one left to tell.
    if (source !== null) void closeSource(source).catch(() => {});
  }

  async #send(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError("Cannot stream to a job: a chunk is not a Uint8Array");
    }
    const most = Math.min(PIECE, this.#window);
    for (let at = 0; at < chunk.length;) {
      const length = Math.min(most, chunk.length - at);
      while (this.#onItsWay + length > this.#window && !this.#stopped) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (this.#stopped) return;
      this.#onItsWay += length;
      this.#target.chunk(new Uint8Array(chunk.subarray(at, at + length)));
      at += length;
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

async function closeSource(source: AsyncIterator<Uint8Array>): Promise<void> {
  await source.return?.();
}
