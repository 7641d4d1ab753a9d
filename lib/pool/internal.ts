/**
 * What other rooms need of the pool; not part of the public API.
 *
 * @module
 */
export { boundedParallel, type ParallelOptions } from "./bounded_parallel.ts";
export { EventTurns, inTurns } from "./event_turns.ts";
export { createProgramPool } from "./pool.ts";
export type { BriefJob, ProgramPool, ProgramPoolOptions } from "./program_pool.ts";
export type { FromWorker } from "./protocol.ts";
export { Semaphore } from "./semaphore.ts";
export { serve } from "./serve.ts";
export { createTransientPool } from "./transient_pool.ts";
