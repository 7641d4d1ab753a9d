/**
 * The jobs on directories, for worker entries: no more is loaded there than they need.
 *
 * @module
 */
export { snapshotJobs } from "./snapshot_jobs.ts";
