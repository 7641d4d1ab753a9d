/** Worker entry of the jobs on directories. */
import { serve } from "../lib/pool/mod.ts";
import { snapshotJobs } from "../lib/snapshot/jobs/mod.ts";

if ("WorkerGlobalScope" in globalThis) serve(globalThis, snapshotJobs);
