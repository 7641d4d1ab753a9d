/**
 * The worker pool: typed jobs on threads, or inline where threads are missing.
 *
 * A **job** is a pure description: a name, the worker entry that knows it, and
 * a handler. Input and output are values that structured clone can carry;
 * bytes that stream in are given beside the input as an `AsyncIterable`, and
 * reach the handler as one, whichever thread it runs on.
 *
 * Promises of every pool:
 * - *back-pressure both ways*: at most `window` bytes of a job's stream are on
 *   their way; a slow handler holds back the source, a slow source only its job.
 * - *errors are records* on the wire and `VarveError`s with the same code and
 *   details at the caller. An error fails its job alone.
 * - *a worker that dies* (uncaught error, out of memory, `terminate`) or stays
 *   silent fails its job with `E_WORKER` and is replaced; other jobs go on.
 * - *cancellation*: `signal` ends the job, closes what the handler holds, and
 *   the caller gets `signal.reason` untouched.
 * - *dispose* waits for nothing: it cancels what runs, ends all workers, and
 *   leaves no descriptor and no thread.
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
  /** Tells the caller how far the job is; cheap to call often (the pool thins it out). */
  progress(value: JobProgress): void;
}

/** How far a job is. */
export interface JobProgress {
  /** Bytes of input consumed. */
  readonly read: number;
  /** Bytes of output made. */
  readonly written: number;
}

/** A kind of job. */
export interface Job<Input, Output> {
  /** Unique name. */
  readonly name: string;
  /** The worker entry that registers it. */
  readonly entry: WorkerEntry;
  /** Does the work. Whatever it opens it closes, also when `signal` aborts. */
  run(input: Input, context: JobContext): Promise<Output>;
}

/** Options of one run. */
export interface RunOptions {
  /** Cancels the job. */
  readonly signal?: AbortSignal;
  /** Bytes for the handler. */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** Called with the job's progress. */
  readonly onProgress?: (value: JobProgress) => void;
}

/** A pool of workers. */
export interface Pool extends AsyncDisposable {
  /** How many jobs run at once. */
  readonly size: number;
  /** Whether jobs run on this thread. */
  readonly inline: boolean;
  /** Runs a job as soon as a worker is free, in the order of the calls. */
  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: RunOptions,
  ): Promise<Output>;
}

/** Options of a pool. */
export interface PoolOptions {
  /** Workers; the number of cores when absent. */
  readonly workers?: number;
  /** Run on this thread, without workers. */
  readonly inline?: boolean;
  /** Bytes of a job's stream that may be on their way, 4 MiB when absent. */
  readonly window?: number;
}

/** What the caller's thread posts to a worker. */
export type ToWorker =
  | { readonly kind: "run"; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly kind: "chunk"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly id: number; readonly error?: ErrorRecord }
  | { readonly kind: "abort"; readonly id: number };

/** What a worker posts to the caller's thread. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "credit"; readonly id: number; readonly bytes: number }
  | { readonly kind: "progress"; readonly id: number; readonly value: JobProgress }
  | { readonly kind: "done"; readonly id: number; readonly output: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorRecord };
