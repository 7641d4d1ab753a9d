import type { AnyJob } from "../pool/mod.ts";
import { composeJob } from "./compose/job.ts";
import { copyJob, syncJob, usageJob } from "./directory_jobs.ts";
import { extractJob } from "./extract/job.ts";
import { directoryLayerJob, listJob, scanJob } from "./scan/job.ts";

/** The jobs of the worker entry `extract`. */
export const snapshotJobs: readonly AnyJob[] = [
  extractJob,
  composeJob,
  copyJob,
  usageJob,
  syncJob,
  listJob,
  scanJob,
  directoryLayerJob,
];
