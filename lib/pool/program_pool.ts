/**
 * The pool of a program that only waits for its jobs, such as the command line. Such a program
 * needs its first job done soon, and its own thread is free meanwhile.
 */
import type { Job, Pool, PoolOptions } from "./contract.ts";

/** A job that may run on the caller's thread, where {@linkcode ProgramPoolOptions.mayBlock} allows it. */
export interface BriefJob<Input, Output> extends Job<Input, Output> {
  /** Whether the work takes no longer than the start of a worker. */
  isBrief(input: Input): boolean;
}

/** Options of a {@linkcode ProgramPool}. */
export interface ProgramPoolOptions extends PoolOptions {
  /**
   * Whether a job may block this thread. A brief job then runs on it, without cloned values, if no
   * other job runs and no worker of its entry is idle or prepared. While the job computes, no
   * signal is received.
   */
  readonly mayBlock?: boolean | undefined;
}

/** A pool whose workers can warm up. */
export interface ProgramPool extends Pool {
  /**
   * Prepares a worker of the job's entry and runs the job in it. `size` does not count this job.
   * When another job needs the worker, the `signal` of this job aborts, and the job has to end
   * soon. If the job fails, the worker is replaced. Does nothing where {@linkcode Pool.prepare}
   * does nothing.
   */
  warmUp<Input>(job: Job<Input, unknown>, input: Input): void;
}
