/**
 * Trees and plain files: scans make layer trees and tars of directories, extraction makes files of trees.
 *
 * @module
 */
export type {
  DropReason,
  ExtractOptions,
  ExtractPart,
  ExtractPhase,
  ExtractPolicy,
  ExtractReport,
} from "./extract/contract.ts";
export { extractTree } from "./extract/extract.ts";
export { addReports } from "./extract/report.ts";
export {
  type LinkedName,
  NO_BASE,
  type ScanBase,
  type ScanDirectory,
  type ScanForm,
  type ScanPart,
  type ScanPlace,
} from "./scan/contract.ts";
export type { ScanRules } from "./scan/scan.ts";
export {
  baseOf,
  type DirectoryLayer,
  type PoolScan,
  scanInPool,
  type ScannedTree,
  scanTree,
} from "./scan/scan_in_pool.ts";
export type { Usage } from "./usage.ts";
export type { Stub } from "./stubs.ts";
