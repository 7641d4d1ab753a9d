/**
 * The worker pool: typed jobs on threads, or inline where no threads are available.
 *
 * A **job** is a value: a name, the worker entry that registers it, and a handler. Input and output
 * are values that structured clone can carry. Bytes that stream in are given beside the input as an
 * `AsyncIterable`. The handler reads an `AsyncIterable` too, on whatever thread it runs.
 *
 * What every pool promises:
 * - *order*: jobs start in the order of the calls, at most `size` at once. A worker starts with the first
 *   job that needs it, and is kept for later jobs.
 * - *halves*: a job that can run in two halves gets a second worker if no other job waits, and if enough
 *   threads are left to run `size` jobs at once. Its result is the same.
 * - *back-pressure both ways*: at most `window` bytes of a job's stream are in flight. A slow
 *   handler holds back the source; a slow source delays only its own job. The caller keeps the
 *   buffers of the stream, because only copies cross threads.
 * - *errors*: an error crosses threads as a record. The caller gets a `VarveError` with the same
 *   code and details. An error fails its job only. If the caller's own stream throws, the caller
 *   gets the same error object back.
 * - *a worker that dies* (uncaught error, `Deno.exit`) or is silent fails its job with `E_WORKER` and is
 *   replaced. Other jobs go on. Only a worker with a job is asked for a sign of life; it is silent when its
 *   event loop did not turn for the time that `silence` sets.
 * - *cancellation*: `signal` ends the job. When the handler has closed what it opened, the caller
 *   gets `signal.reason` untouched.
 * - *dispose* cancels all jobs, gives the handlers up to five seconds to close what they opened, and ends
 *   all workers. No descriptor and no thread is left.
 *
 * In Deno, no pool can stop a thread that never returns to its event loop. The pool replaces such a
 * worker, but its thread lasts as long as the process, and only `Deno.exit` ends it. Running out of
 * memory ends the process, not the worker.
 */

/** Name of a worker entry file, which registers jobs. */
export type WorkerEntry = "layer" | "extract";

/** The arguments of a handler beside its input. */
export interface JobContext {
  /** Aborts when the caller cancels the job. A thread sees that only when its event loop turns. */
  readonly signal: AbortSignal;
  /**
   * Throws when the job is cancelled. Call it in synchronous work, during which no event arrives:
   * it reads a flag in shared memory. Cheap to call often.
   *
   * @throws the reason of `signal`
   */
  throwIfAborted(): void;
  /** The bytes that the caller streams in; empty when the caller gave no stream. */
  readonly stream: AsyncIterable<Uint8Array>;
  /**
   * Reports progress. Cheap to call often: the first and the last report reach the caller, and one every
   * 64 ms between them.
   */
  progress(value: JobProgress): void;
}

/** Progress of a job. */
export interface JobProgress {
  /** Bytes of input that were consumed. */
  readonly read: number;
  /** Bytes of output that were made. */
  readonly written: number;
  /** Milliseconds that the job spent waiting for input; absent where that is not measured. */
  readonly waited?: number | undefined;
}

/** A kind of job. */
export interface Job<Input, Output> {
  /** Name, unique among the jobs of its entry. */
  readonly name: string;
  /** The worker entry that registers it. */
  readonly entry: WorkerEntry;
  /** Does the work. It must close whatever it opens, also when `signal` aborts. */
  run(input: Input, context: JobContext): Promise<Output>;
  /**
   * The buffers of an output that are transferred to the caller, and not copied. Absent: none.
   */
  transfer?(output: Output): Transferable[];
  /**
   * Splits the work for two threads. Returns `null` when the input is too small to gain from it.
   */
  halves?(input: Input): Halves<Output> | null;
}

/** A job of any input and output. */
export type AnyJob = Job<never, unknown>;

/**
 * A job in two halves for two workers at once. The halves share memory.
 *
 * When the front half fails, it tells the back half. The back half then finishes the bytes that it
 * already has. If it finds an error in them, it fails with that error, otherwise it returns `null`.
 * When a half fails or dies, the pool calls `stop`. After that, neither half may wait for the other.
 */
export interface Halves<Output> {
  /** The half that reads the stream and reports progress. */
  readonly front: Half<unknown>;
  /** The half that returns the output. */
  readonly back: Half<Output | null>;
  /** Wakes both halves from any wait. It may be called at any time. Idempotent. */
  stop(): void;
}

/** One half of a job. */
export interface Half<Output> {
  /** The half as a job of its own, registered by the same entry. */
  readonly job: Job<never, Output>;
  /** Input of that job. */
  readonly input: unknown;
}

/** Options of one run. */
export interface RunOptions {
  /** Cancels the job, whether it runs or waits. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes for the handler. Closed by `return()` when the job ends before the stream does. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined;
  /**
   * Called with the job's progress. If it throws, the job is cancelled and `run` rejects with the
   * same error.
   */
  readonly onProgress?: ((value: JobProgress) => void) | undefined;
}

/** A pool of workers. */
export interface Pool extends AsyncDisposable {
  /** Number of jobs that run at once. */
  readonly size: number;
  /** Whether jobs run on this thread, by option or because no worker could be started. */
  readonly inline: boolean;
  /** Number of jobs that run now. */
  readonly running: number;
  /** Number of jobs that wait until one of those ends. */
  readonly waiting: number;
  /**
   * Starts a worker for a later job, so that the worker starts while the caller does other work. Does
   * nothing if a worker of the entry is idle, or if jobs run inline. Idempotent.
   */
  prepare(entry: WorkerEntry): void;
  /**
   * Runs a job as soon as a worker is free, in the order of the calls.
   *
   * @throws {VarveError} the handler's error; `E_WORKER` when the worker died; `E_INTERNAL` when
   * the handler threw anything but a `VarveError`
   * @throws {TypeError} when the pool is disposed or the input cannot be cloned
   */
  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: RunOptions,
  ): Promise<Output>;
}

/** Options of a pool. */
export interface PoolOptions {
  /**
   * Number of jobs that run at once, each in a worker. Two of them may have a second worker, for
   * halves. Default: the number of cores, but at most four, because a thread that makes a layer
   * takes about 35 MiB for a layer of any size.
   */
  readonly workers?: number | undefined;
  /** Whether to run jobs on this thread, without workers. */
  readonly inline?: boolean | undefined;
  /** Bytes of a job's stream that may be in flight; 4 MiB when absent. */
  readonly window?: number | undefined;
  /**
   * Milliseconds without a sign of life after which a worker with a job is given up. Five minutes when
   * absent, because a sync of a slow disk blocks its thread.
   */
  readonly silence?: number | undefined;
  /**
   * Starts a worker thread; the worker files of this package when absent. For programs that bundle
   * these files themselves, and for tests.
   */
  readonly spawn?: ((entry: WorkerEntry) => Worker) | undefined;
  /**
   * Called when no worker can be started and therefore all jobs run on this thread from now on. The
   * message gives the reason and the next step. When absent, `console.warn` prints each message once.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
}
