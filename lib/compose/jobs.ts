/**
 * The jobs of composition, for worker entries. This module imports only what the jobs need, so that workers start fast.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { composeJob } from "./compose_job.ts";
import { verifyComposedJob } from "./verify_composed.ts";
import { warmUpJob } from "./warm_up.ts";

/** Everything that a worker does to compose images. */
export const composeJobs: readonly AnyJob[] = [composeJob, verifyComposedJob, warmUpJob];
