/**
 * The jobs of the upkeep, for worker entries. This module imports only what the jobs need.
 *
 * @module
 */
import type { AnyJob } from "../pool/mod.ts";
import { hashJob } from "./deep/hash_job.ts";
import { treeJob } from "./deep/tree_job.ts";
import { deriveTreeJob } from "./repair/derive_tree_job.ts";

/** Everything that a worker does to check a store. */
export const upkeepJobs: readonly AnyJob[] = [hashJob, treeJob, deriveTreeJob];
