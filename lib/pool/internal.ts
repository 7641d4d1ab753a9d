/**
 * What only other rooms need of the pool: no public API.
 *
 * @module
 */
export { mapLimited } from "./bounded_parallel.ts";
export type { FromWorker } from "./contract.ts";
export { serve } from "./serve.ts";
export { together } from "./together.ts";
