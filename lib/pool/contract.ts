/**
 * The worker pool: typed jobs on threads, or inline where threads are missing.
 *
 * A **job** is a pure description: a name, the worker entry that knows it, and
 * a handler. Input and output are values that structured clone can carry;
 * bytes that stream in are given beside the input as an `AsyncIterable`, and
 * reach the handler as one, whichever thread it runs on.
 *
 * Promises of every pool:
 * - *order*: jobs start in the order of the calls, at most `size` at once.
 *   Workers start with the first job that needs them and are kept.
 * - *halves*: a job whose work comes in two halves gets a second worker when no
 *   other job waits and one is left for each job that may still come; its outcome is the same.
 * - *back-pressure both ways*: at most `window` bytes of a job's stream are on
 *   their way; a slow handler holds back the source, a slow source only its job.
 *   The caller's buffers stay the caller's: what crosses is a copy.
 * - *errors are records* on the wire and `VarveError`s with the same code and
 *   details at the caller. An error fails its job alone. What the caller's own
 *   stream throws comes back as the same object.
 * - *a worker that dies* (uncaught error, `Deno.exit`) or stays silent fails its
 *   job with `E_WORKER` and is replaced; other jobs go on. A worker is asked for
 *   a sign of life only while it has a job, and is silent when its event loop
 *   did not turn for the time that `silence` says.
 * - *cancellation*: `signal` ends the job; once the handler has closed what it
 *   holds the caller gets `signal.reason` untouched.
 * - *dispose* cancels what runs and what waits, leaves the handlers up to five
 *   seconds to close what they hold, and ends all workers: no descriptor and no
 *   thread stay.
 *
 * What no pool can do in Deno: stop a thread that never returns to its event
 * loop. Such a worker is given up and replaced, but its thread lasts as long as
 * the process, and only `Deno.exit` ends that. Running out of memory ends the
 * process, not the worker.
 */
import type { ErrorRecord } from "../errors.ts";

/** Which worker entry file knows a job. */
export type WorkerEntry = "layer" | "extract";

/** What a handler gets beside its input. */
export interface JobContext {
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal;
  /** The bytes that the caller streams in; empty when it gave none. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Tells the caller how far the job is. Cheap to call often: the first, the last and one in between every 64 ms pass. */
  progress(value: JobProgress): void;
}

/** How far a job is. */
export interface JobProgress {
  /** Bytes of input consumed. */
  readonly read: number;
  /** Bytes of output made. */
  readonly written: number;
  /** Milliseconds in which nothing could be done, for no input came; where that is known. */
  readonly waited?: number | undefined;
}

/** A kind of job. */
export interface Job<Input, Output> {
  /** Unique among the jobs of its entry. */
  readonly name: string;
  /** The worker entry that registers it. */
  readonly entry: WorkerEntry;
  /** Does the work. Whatever it opens it closes, also when `signal` aborts. */
  run(input: Input, context: JobContext): Promise<Output>;
  /** The same work for two threads, where the input is worth it; `null` where it is not. */
  halves?(input: Input): Halves<Output> | null;
}

/**
 * A job in two halves that meet in shared memory, for two workers at once.
 *
 * When the front fails, it says so to the back, which then gives `null`, or fails by itself at
 * something that came before. Where either fails or dies, `stop` is called, and neither may wait on.
 */
export interface Halves<Output> {
  /** Gets the stream, and reports the progress. */
  readonly front: Half<unknown>;
  /** Gives the output. */
  readonly back: Half<Output | null>;
  /** Wakes both, which then end. May be called at any time and again. */
  stop(): void;
}

/** One half. */
export interface Half<Output> {
  /** A job that the same entry registers. */
  readonly job: Job<never, Output>;
  /** Its input. */
  readonly input: unknown;
}

/** Options of one run. */
export interface RunOptions {
  /** Cancels the job, whether it runs or waits. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes for the handler. Closed (`return()`) when the job ends before the stream does. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined;
  /** Called with the job's progress. What it throws cancels the job and is what `run` rejects with. */
  readonly onProgress?: ((value: JobProgress) => void) | undefined;
}

/** A pool of workers. */
export interface Pool extends AsyncDisposable {
  /** How many jobs run at once. */
  readonly size: number;
  /** Whether jobs run on this thread: asked for, or because no worker could be started. */
  readonly inline: boolean;
  /**
   * Starts a worker for a later job, while its caller has other work to do. Does nothing if a worker of
   * the entry is idle, or if jobs run inline. Idempotent.
   */
  prepare(entry: WorkerEntry): void;
  /**
   * Runs a job as soon as a worker is free, or is not needed, in the order of the calls.
   *
   * @throws {VarveError} what the handler throws; `E_WORKER` when the worker died; `E_INTERNAL` for a handler's foreign error
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
   * Jobs at once, each on a thread, and two of them on two, in halves. When absent the number of cores,
   * but four at most: a thread that makes a layer costs some 35 MiB, whatever the layer.
   */
  readonly workers?: number | undefined;
  /** Run on this thread, without workers. */
  readonly inline?: boolean | undefined;
  /** Bytes of a job's stream that may be on their way, 4 MiB when absent. */
  readonly window?: number | undefined;
  /** Milliseconds without a sign of life after which a worker with a job is given up; five minutes when absent, because a sync of a slow disk blocks its thread. */
  readonly silence?: number | undefined;
  /** Starts a worker thread; the entries of this package when absent. For programs that are bundled their own way, and for tests. */
  readonly spawn?: ((entry: WorkerEntry) => Worker) | undefined;
}

/** What the caller's thread posts to a worker. */
export type ToWorker =
  /** Begin a job. A worker has one at a time; `id` tells its messages from those of an earlier one. */
  | { readonly kind: "run"; readonly id: number; readonly job: string; readonly input: unknown }
  /** A piece of the stream; its buffer now belongs to the worker. */
  | { readonly kind: "chunk"; readonly id: number; readonly bytes: Uint8Array }
  /** The stream ended, or failed. */
  | { readonly kind: "end"; readonly id: number; readonly error?: ErrorRecord | undefined }
  /** The caller gives up: stop, close, answer. */
  | { readonly kind: "abort"; readonly id: number }
  /** Asks for a sign of life. */
  | { readonly kind: "ping" };

/** What a worker posts to the caller's thread. */
export type FromWorker =
  /** The entry is loaded and serves. */
  | { readonly kind: "ready" }
  /** The handler took that many bytes of the stream: as many more may be sent. */
  | { readonly kind: "credit"; readonly id: number; readonly bytes: number }
  /** How far the job is. */
  | { readonly kind: "progress"; readonly id: number; readonly value: JobProgress }
  /** The job succeeded. */
  | { readonly kind: "done"; readonly id: number; readonly output: unknown }
  /** The job failed; the worker is well. */
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorRecord }
  /** The worker is about to end, or can no longer be trusted. */
  | { readonly kind: "dead"; readonly error: ErrorRecord }
  /** A sign of life. */
  | { readonly kind: "pong" };
