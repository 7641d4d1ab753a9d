/**
 * What other rooms need of containers; not part of the public API.
 *
 * @module
 */
export { CONTAINER_LABELS } from "./container_records.ts";
export { removeAbandoned } from "./abandoned.ts";
export { refuseReadOnly } from "./refuse_read_only.ts";
