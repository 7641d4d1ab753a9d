/**
 * What other rooms need of upkeep; not part of the public API.
 *
 * @module
 */
export { imageUsage } from "./disk_usage/image_usage.ts";
export { passes as passesFilter } from "./prune/filter.ts";
