/** Worker entry of the jobs on directories: extract, scan, copy, compose. */
import { composeJobs } from "../lib/compose/jobs.ts";
import { directoryJobs } from "../lib/directory/jobs.ts";
import { layerJobs } from "../lib/layer_job/jobs.ts";
import { serve } from "../lib/pool/internal.ts";

if ("WorkerGlobalScope" in globalThis) {
  serve(globalThis, [...directoryJobs, ...composeJobs, ...layerJobs]);
}
