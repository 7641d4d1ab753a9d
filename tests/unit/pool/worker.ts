import { serve } from "../../../lib/pool/internal.ts";
import { JOBS } from "./jobs.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, JOBS);
