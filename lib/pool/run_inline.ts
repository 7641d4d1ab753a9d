import { fromErrorRecord, VarveError } from "../errors.ts";
import type { Job } from "./contract.ts";
import { jobErrorRecord } from "./job_error.ts";
import { ProgressThrottle } from "./progress_throttle.ts";
import type { Task } from "./task.ts";

/**
 * Runs a job on this thread, with the same outcome as in a worker: the same output or error, and
 * the stream is read and closed in the same way.
 */
export async function runInline<Input, Output>(
  job: Job<Input, Output>,
  input: Input,
  task: Task,
): Promise<Output> {
  const { signal } = task;
  const source = new InlineSource(task.stream, signal);
  // The error of `onProgress`, if it threw. The caller gets the same object back.
  let callers: { readonly error: unknown } | null = null;
  const throttle = new ProgressThrottle((value) => {
    try {
      task.onProgress?.(value);
    } catch (error) {
      callers ??= { error };
      throw error;
    }
  });
  try {
    const output = await job.run(input, {
      signal,
      throwIfAborted: () => signal.throwIfAborted(),
      stream: source,
      progress: (value) => throttle.report(value),
    });
    throttle.flush();
    signal.throwIfAborted();
    return output;
  } catch (error) {
    signal.throwIfAborted();
    const thrown = callers as { readonly error: unknown } | null;
    if (thrown !== null) throw thrown.error;
    if (source.failure !== null && source.failure.error === error) throw error;
    throw error instanceof VarveError ? error : fromErrorRecord(jobErrorRecord(job.name, error));
  } finally {
    source.close();
  }
}

/** The caller's stream. Its reads throw when the job is cancelled. */
class InlineSource implements AsyncIterable<Uint8Array> {
  /** Error of the stream, if it failed. */
  failure: { readonly error: unknown } | null = null;
  readonly #signal: AbortSignal;
  #source: AsyncIterator<Uint8Array> | null;

  constructor(stream: AsyncIterable<Uint8Array> | undefined, signal: AbortSignal) {
    this.#signal = signal;
    this.#source = stream?.[Symbol.asyncIterator]() ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      this.#signal.throwIfAborted();
      const source = this.#source;
      if (source === null) return;
      const { done, value } = await this.#next(source);
      if (done === true) {
        this.#source = null;
        return;
      }
      yield value;
    }
  }

  /** Closes the stream if it was not read to its end, without waiting for it. */
  close(): void {
    const source = this.#source;
    this.#source = null;
    if (source !== null) void Promise.resolve(source.return?.()).catch(() => {});
  }

  /**
   * Reads a chunk. Rejects when the signal aborts, so that a source that never answers cannot hold up
   * a cancelled job.
   */
  #next(source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(this.#signal.reason);
      this.#signal.addEventListener("abort", abort, { once: true });
      source.next().then(resolve, (error) => {
        this.#source = null;
        this.failure = { error };
        reject(error);
      }).finally(() => this.#signal.removeEventListener("abort", abort));
    });
  }
}
