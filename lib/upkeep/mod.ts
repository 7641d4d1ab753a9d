/**
 * Upkeep of a store: finds damage.
 *
 * `check/` compares what the store says twice: rows, files, sizes, markers. Where possible it is a pure function from
 * facts to findings; the facts come from the store. `deep/` reads every byte, in the worker pool.
 *
 * @module
 */
export { type CheckOptions, checkStore } from "./check/check_store.ts";
export type { Finding, FindingKind, Remedy } from "./contract.ts";
export type { CheckProgress } from "./deep/progress.ts";
