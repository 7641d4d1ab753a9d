/**
 * What only other rooms need of directories: no public API.
 *
 * @module
 */
export { attributeTree } from "./attribute_tree.ts";
export { copyAttributes, copyAttributesFd } from "./copy_attributes.ts";
export { copyInPool, syncInPool, syncJob, usageInPool } from "./copy_jobs.ts";
export { disinherit } from "./disinherit.ts";
export { extractInPool, type PoolExtraction } from "./extract/extract_in_pool.ts";
export type { ExtractForm } from "./extract/extract_job.ts";
export { notingDamage, readTree } from "./read_tree.ts";
export { mergeWarnings } from "./scan/merge_warnings.ts";
export { addStubs, initDirectory, readStubs } from "./stubs.ts";
