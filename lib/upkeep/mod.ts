/**
 * Upkeep of a store: finds damage, and removes what nothing needs any more.
 *
 * `check/` compares what the store says twice: rows, files, sizes, markers. Where possible it is a pure function from
 * facts to findings; the facts come from the store. `deep/` reads every byte, in the worker pool.
 * `repair/` heals findings, each kind in a file of its own.
 *
 * {@linkcode collectGarbage} is the collection for users of a store. The store itself finds and removes garbage
 * (`DiskStore.collector`); this room adds what the store does not know: which leases are live, and what is mounted.
 *
 * @module
 */
export { type BackupOptions, type BackupReport, backupStore } from "./backup/backup_store.ts";
export { type CheckOptions, checkStore } from "./check/check_store.ts";
export { verifyImage } from "./check/verify_image.ts";
export { collectGarbage, type CollectOptions, type CollectReport } from "./collect_garbage.ts";
export type { DroppedImage } from "./drop_compressed.ts";
export type { Finding, FindingKind, Remedy } from "./contract.ts";
export type { CheckProgress } from "./deep/progress.ts";
export type { RepairOptions, RepairReport } from "./repair/contract.ts";
export { repairStore } from "./repair/repair_store.ts";
export type {
  DiskUsage,
  ImageUsage,
  LayerUsage,
  UsageRow,
  UsageType,
} from "./disk_usage/contract.ts";
export { diskUsage, type DiskUsageOptions } from "./disk_usage/disk_usage.ts";
export { type LeaseState, leaseStates } from "./leases/lease_states.ts";
export { protect, type ProtectOptions } from "./leases/protect.ts";
export type { PruneFilter } from "./prune/filter.ts";
export {
  type PrunedContainer,
  type PruneOptions,
  type PruneReport,
  pruneStore,
} from "./prune/prune_store.ts";
export { type Explanation, type GcFate, whyKept } from "./why/why_kept.ts";
