/**
 * The jobs of registries, for worker entries: no more is loaded there than they need.
 *
 * @module
 */
export { networkJobs } from "./transfer/network_layer_job.ts";
