/** Worker entry of the jobs on directories: extract, scan, copy, compose, check. */
import { composeJobs } from "../lib/compose/jobs.ts";
import { directoryJobs } from "../lib/directory/jobs.ts";
import { layerJobs } from "../lib/layer_job/jobs.ts";
import { serve } from "../lib/pool/internal.ts";
import { upkeepJobs } from "../lib/upkeep/jobs.ts";

if ("WorkerGlobalScope" in globalThis) {
  serve(globalThis, [...directoryJobs, ...composeJobs, ...layerJobs, ...upkeepJobs]);
}
