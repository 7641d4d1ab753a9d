/**
 * The messages between the caller's thread and a worker.
 *
 * A worker first posts `ready`. For each job the caller posts `run`, then `chunk`s and `end`, and
 * the worker answers with `credit` and `progress`, and at last with `done` or `failed`. `id` is the
 * number of the job. Messages of an earlier job are ignored.
 */
import type { ErrorRecord } from "../errors.ts";
import type { JobProgress } from "./contract.ts";

/** What the caller's thread posts to a worker. */
export type ToWorker =
  /** Starts a job. A worker runs one job at a time. */
  | {
    readonly kind: "run";
    readonly id: number;
    readonly job: string;
    readonly input: unknown;
    /** Four bytes that are not 0 once the job is cancelled. */
    readonly cancelled?: SharedArrayBuffer | undefined;
  }
  /** A piece of the stream. Its buffer is transferred. */
  | { readonly kind: "chunk"; readonly id: number; readonly bytes: Uint8Array }
  /** The end of the stream, or its failure. */
  | { readonly kind: "end"; readonly id: number; readonly error?: ErrorRecord | undefined }
  /** Cancels the job: the handler has to close what it opened; then the worker answers. */
  | { readonly kind: "abort"; readonly id: number }
  /** Asks for a sign of life. */
  | { readonly kind: "ping" };

/** What a worker posts to the caller's thread. */
export type FromWorker =
  /** The entry is loaded and serves. */
  | { readonly kind: "ready" }
  /** The handler took `bytes` bytes of the stream. The caller may send that many more. */
  | { readonly kind: "credit"; readonly id: number; readonly bytes: number }
  /** The job's progress. */
  | { readonly kind: "progress"; readonly id: number; readonly value: JobProgress }
  /** The job succeeded. */
  | { readonly kind: "done"; readonly id: number; readonly output: unknown }
  /** The job failed; the worker can run other jobs. */
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorRecord }
  /** The worker is about to end, or its state is unknown. */
  | { readonly kind: "dead"; readonly error: ErrorRecord }
  /** The sign of life. */
  | { readonly kind: "pong" };
