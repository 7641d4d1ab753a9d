/**
 * The worker pool: typed jobs on threads, with back-pressure, cancellation and
 * errors that cross as records; and the job that every layer goes through.
 *
 * @module
 */
export type * from "./contract.ts";
export type * from "./layer_contract.ts";
export {
  chooseInflater,
  type InflaterChoice,
  type InflaterName,
  INFLATERS,
} from "./inflater_choice.ts";
export { layerBackJob, layerFrontJob, type LayerHalfInput } from "./layer_halves.ts";
export { layerJob } from "./layer_job.ts";
export { layerJobs } from "./layer_jobs.ts";
export { LayerScanner, type LayerScannerOptions, type ScannedLayer } from "./layer_scanner.ts";
export { createPool } from "./pool.ts";
export { type AnyJob, serve } from "./serve.ts";
export { compressInPool, compressJob, type CompressJobInput } from "./compress_job.ts";
export { mapLimited } from "./map_limited.ts";
