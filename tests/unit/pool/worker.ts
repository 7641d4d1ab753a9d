import { serve } from "../../../lib/pool/mod.ts";
import { JOBS } from "./jobs.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, JOBS);
