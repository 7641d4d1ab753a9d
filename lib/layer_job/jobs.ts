/**
 * The jobs on layers, for worker entries: no more is loaded there than they need.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { compressJob } from "./compress_job.ts";
import { layerBackJob, layerFrontJob } from "./halves.ts";
import { layerJob } from "./layer_job.ts";

/** The layer job, whole and in halves, and the compression job. */
export const layerJobs: readonly AnyJob[] = [layerJob, layerFrontJob, layerBackJob, compressJob];
