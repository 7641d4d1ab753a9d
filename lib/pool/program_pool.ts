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
   * Whether a job may block this thread. If so, a brief job runs on this thread when no other job
   * runs and no worker of its entry is idle or prepared. Its input and output are then not cloned.
   * While the job computes, the event loop does not turn: no abort and no signal of the system
   * arrives.
   */
  readonly mayBlock?: boolean | undefined;
}

/** A pool whose workers can warm up. */
export interface ProgramPool extends Pool {
  /**
   * Prepares a worker of the job's entry and runs the job in it. This job does not count towards
   * `size`. When another job needs the worker, the `signal` of this job aborts, and this job has to
   * end soon. If the job fails, the worker is replaced. Does nothing where {@linkcode Pool.prepare}
   * does nothing.
   */
  warmUp<Input>(job: Job<Input, unknown>, input: Input): void;
}
