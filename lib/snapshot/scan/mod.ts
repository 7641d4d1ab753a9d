/**
 * Scans: real directories become layer trees, and those deterministic layer tars.
 *
 * @module
 */
export type * from "./contract.ts";
export { NO_BASE } from "./contract.ts";
export {
  baseOf,
  type DirectoryLayer,
  type PoolScan,
  scanInPool,
  type ScannedTree,
  scanTree,
} from "./run.ts";
export type { ScanRules } from "./scan.ts";
