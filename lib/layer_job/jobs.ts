/**
 * The layer jobs, for worker entries. A worker entry loads no other part of this room.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { compressJob } from "./compress_job.ts";
import { layerBackJob, layerFrontJob } from "./layer_halves.ts";
import { layerJob } from "./layer_job.ts";

/** The layer job, whole and in halves, and the compression job. */
export const layerJobs: readonly AnyJob[] = [layerJob, layerFrontJob, layerBackJob, compressJob];
