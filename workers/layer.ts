/** Worker entry of the layer job. */
import { layerJob, serve } from "../lib/pool/mod.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, [layerJob]);
