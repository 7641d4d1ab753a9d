/**
 * What other rooms need of directories; not part of the public API.
 *
 * @module
 */
export { copyAttributes, copyAttributesFd, type Owner } from "./copy_attributes.ts";
export { copyDirectory } from "./copy_directory.ts";
export {
  copyInPool,
  copyJob,
  copyWholeInPool,
  removeJob,
  syncInPool,
  syncJob,
  usageInPool,
} from "./copy_jobs.ts";
export { copyStages, newCopyStage } from "./copy_stage.ts";
export { disinherit } from "./disinherit.ts";
export type { ExtractOptions, ExtractPart, ExtractPhase } from "./extract/contract.ts";
export { extractInPool, type PoolExtraction } from "./extract/extract_in_pool.ts";
export { extractTreeInPool } from "./extract/extract_tree_in_pool.ts";
export type { ExtractForm } from "./extract/extract_job.ts";
export { layersAbove } from "./layers_above.ts";
export { notingDamage, readTree } from "./read_tree.ts";
export {
  type LinkedName,
  NO_BASE,
  type ScanBase,
  type ScanDirectory,
  type ScanForm,
  type ScanPart,
  type ScanPlace,
} from "./scan/contract.ts";
export { type LeftOut, leftOutOf, readLeftOut, writeLeftOut } from "./left_out.ts";
export { mergeWarnings } from "./scan/merge_warnings.ts";
export type { ScanRules } from "./scan/scan_directories.ts";
export { type DirectoryLayer, type PoolScan, scanInPool } from "./scan/scan_in_pool.ts";
export { addStubs, initDirectory, readStubs, type Stub } from "./stubs.ts";
export type { ExtractedDifference } from "./verify/verify_directory.ts";
export { verifyInPool } from "./verify/verify_job.ts";
