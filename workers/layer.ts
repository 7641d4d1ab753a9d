/** Worker entry of the layer job, on bytes of files, streams and registries. */
import { layerJobs, serve } from "../lib/pool/mod.ts";
import { networkJobs } from "../lib/registry/jobs/mod.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, [...layerJobs, ...networkJobs]);
