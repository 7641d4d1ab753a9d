/** Worker entry of the layer job, which reads from files, streams and registries. */
import { layerJobs } from "../lib/layer_job/jobs.ts";
import { serve } from "../lib/pool/internal.ts";
import { networkJobs } from "../lib/registry/jobs.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, [...layerJobs, ...networkJobs]);
