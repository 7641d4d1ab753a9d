/**
 * The jobs on directories, for worker entries. A worker entry loads no other part of this room.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { copyJob, removeJob, syncJob, usageJob } from "./copy_jobs.ts";
import { extractJob } from "./extract/extract_job.ts";
import { directoryFrontJob, directoryLayerJob } from "./scan/directory_layer_job.ts";
import { verifyJob } from "./verify/verify_job.ts";
import { assembleJob, listJob, scanJob } from "./scan/scan_jobs.ts";

/** All jobs on directories. */
export const directoryJobs: readonly AnyJob[] = [
  extractJob,
  copyJob,
  usageJob,
  syncJob,
  removeJob,
  listJob,
  scanJob,
  assembleJob,
  directoryLayerJob,
  directoryFrontJob,
  verifyJob,
];
