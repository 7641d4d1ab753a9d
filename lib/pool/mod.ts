/**
 * The worker pool: typed jobs on threads, with back-pressure, cancellation and
 * errors that cross as records.
 *
 * @module
 */
export type * from "./contract.ts";
export type * from "./layer_contract.ts";
export { createPool } from "./pool.ts";
export { type AnyJob, serve } from "./serve.ts";
