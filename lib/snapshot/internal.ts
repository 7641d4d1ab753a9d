/**
 * What other rooms need of snapshots. It is not part of the public API.
 *
 * @module
 */
export { boundCaches } from "./bound_caches.ts";
export { boundPaths } from "./bound_path.ts";
export { detachedLease, detachedOf, isDetachedUsed } from "./detached_mounts.ts";
export { gcKnowledge } from "./gc_knowledge.ts";
export { ignoreMissing } from "./ignore_missing.ts";
export { labelledImage, parentImage } from "./image_labels.ts";
export { keptLabels, quoteKey } from "./keys.ts";
export { listSnapshots } from "./list_snapshots.ts";
export { leaseResources, snapshotOfLease } from "./lease_resources.ts";
export { lockSnapshotDirectory } from "./snapshot_lock.ts";
export { ancestors, createLayer, stat as statRow } from "./machine.ts";
export { holdLowers, trimLowers } from "./lowers.ts";
export {
  isMountOf,
  leaseLiveness,
  LOCK_LABEL,
  mountId,
  mountNamespace,
  mountOfSnapshot,
  mountState,
  NAMESPACE_LABEL,
  refuseBusy,
  refuseLeased,
  withVarveSource,
} from "./mount_leases.ts";
export { removeLeftProbes } from "./drivers/probe_directory.ts";
export { staleMounts } from "./stale_mounts.ts";
export { readOnlyMount, withTopLower } from "./top_lower.ts";
export {
  lockWritable,
  openWritable,
  type OpenWritableOptions,
  type WritableSnapshot,
} from "./writable_snapshot.ts";
