/**
 * The worker pool: typed jobs on threads, with back-pressure, cancellation and errors that cross as
 * records. It knows no layer.
 *
 * @module
 */
export type {
  Half,
  Halves,
  Job,
  JobContext,
  JobProgress,
  Pool,
  PoolOptions,
  RunOptions,
  WorkerEntry,
} from "./contract.ts";
export { createPool } from "./pool.ts";
export type { AnyJob } from "./serve.ts";
