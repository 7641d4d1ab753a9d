/**
 * What only other rooms need of snapshots: no public API.
 *
 * @module
 */
export { stackOf } from "./drivers/ancestors.ts";
export { overlayWorks } from "./drivers/overlay_probe.ts";
export { parentImage } from "./image_labels.ts";
export { quoteKey } from "./keys.ts";
export {
  isOurs,
  keyOf,
  mountId,
  mountNamespace,
  NAMESPACE_LABEL,
  refuseBusy,
  signed,
  stateOf,
} from "./mount_leases.ts";
export { compileFilters } from "./snapshot_filter.ts";
export { readOnlyMount, withTopLower } from "./top_lower.ts";
export { ancestors, stat as statRow } from "./machine.ts";
