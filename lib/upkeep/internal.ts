/**
 * What other rooms need of upkeep; not part of the public API.
 *
 * @module
 */
export { snapshotBytes } from "./disk_usage/snapshot_bytes.ts";
export { imageUsage } from "./disk_usage/image_usage.ts";
export { passes as passesFilter } from "./prune/filter.ts";
