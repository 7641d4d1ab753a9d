/**
 * Maximum bytes of one message: small enough that both threads work at once, large enough that
 * messages cost little.
 */
const PIECE = 256 * 1024;

/** Where a {@linkcode Pump} sends the stream. */
export interface PumpTarget {
  /** Takes a piece. The target owns its buffer. */
  chunk(bytes: Uint8Array<ArrayBuffer>): void;
  /** Called when the stream ends. */
  end(): void;
  /** Called with the error when the stream fails. */
  fail(error: unknown): void;
}

/**
 * A job's stream on the caller's thread: reads chunks from the source and sends copies of them, with at most
 * `window` bytes in flight.
 *
 * It sends copies, because transferring a buffer detaches it for its other users, and a source may
 * yield views of one buffer again and again. A copy costs about 10 µs for each piece.
 */
export class Pump {
  readonly #window: number;
  readonly #target: PumpTarget;
  #source: AsyncIterator<Uint8Array> | null = null;
  #inFlight = 0;
  #stopped = false;
  #wake: (() => void) | null = null;

  /** `window` is the maximum number of bytes in flight. */
  constructor(window: number, target: PumpTarget) {
    this.#window = window;
    this.#target = target;
  }

  /** Sends the stream until it ends or fails, or until `stop()`. Never rejects. */
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

  /** Notes that the receiver took `bytes` bytes, so that as many more may be sent. */
  credit(bytes: number): void {
    this.#inFlight -= bytes;
    this.#notify();
  }

  /** Stops sending and closes the source, without waiting for it. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#notify();
    const source = this.#source;
    this.#source = null;
    // The job is over: nobody could handle an error of the close.
    if (source !== null) void closeSource(source).catch(() => {});
  }

  async #send(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError("Cannot stream to a job: a chunk is not a Uint8Array");
    }
    const most = Math.min(PIECE, this.#window);
    for (let at = 0; at < chunk.length;) {
      const length = Math.min(most, chunk.length - at);
      while (this.#inFlight + length > this.#window && !this.#stopped) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (this.#stopped) return;
      this.#inFlight += length;
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
