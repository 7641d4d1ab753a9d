/** Worker entry of the layer job. */
import { layerJobs, serve } from "../lib/pool/mod.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, layerJobs);
