/** Worker entry of the jobs on directories. */
import { serve } from "../lib/pool/mod.ts";
import { snapshotJobs } from "../lib/snapshot/mod.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, snapshotJobs);
