import { type AnyJob, layerBackJob } from "../../pool/mod.ts";
import { composeJob } from "../compose/job.ts";
import { warmUpJob } from "../compose/warm_up.ts";
import { copyJob, syncJob, usageJob } from "../directory_jobs.ts";
import { extractJob } from "../extract/job.ts";
import { directoryFrontJob, directoryLayerJob } from "../scan/directory_layer_job.ts";
import { assembleJob, listJob, scanJob } from "../scan/job.ts";

/** The jobs of the worker entry `extract`. */
export const snapshotJobs: readonly AnyJob[] = [
  extractJob,
  composeJob,
  warmUpJob,
  copyJob,
  usageJob,
  syncJob,
  listJob,
  scanJob,
  assembleJob,
  directoryLayerJob,
  directoryFrontJob,
  layerBackJob,
];
