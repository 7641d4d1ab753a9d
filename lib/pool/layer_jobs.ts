import { compressJob } from "./compress_job.ts";
import { layerBackJob, layerFrontJob } from "./layer_halves.ts";
import { layerJob } from "./layer_job.ts";
import type { AnyJob } from "./serve.ts";

/** What a worker that makes layers registers: the job, whole and in halves. */
export const layerJobs: readonly AnyJob[] = [
  layerJob,
  layerFrontJob,
  layerBackJob,
  compressJob,
];
