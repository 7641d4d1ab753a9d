/**
 * What only other rooms need of the pool: no public API.
 *
 * @module
 */
export { boundedParallel, type ParallelOptions } from "./bounded_parallel.ts";
export type { FromWorker } from "./contract.ts";
export { createProgramPool } from "./pool.ts";
export type { BriefJob, ProgramPool, ProgramPoolOptions } from "./program_pool.ts";
export { serve } from "./serve.ts";
