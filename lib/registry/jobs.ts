/**
 * The jobs of registries, for worker entries. A worker entry loads only the files that these jobs
 * need.
 *
 * @module
 */
export { networkJobs } from "./transfer/network_layer_job.ts";
