/**
 * The jobs of composition, for worker entries: no more is loaded there than they need.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { composeJob } from "./compose_job.ts";
import { warmUpJob } from "./warm_up.ts";

/** Everything that a worker does to compose images. */
export const composeJobs: readonly AnyJob[] = [composeJob, warmUpJob];
