/**
 * What only other rooms need of mounts: no public API.
 *
 * @module
 */
export { isWithin } from "./is_within.ts";
export { checkMountTarget } from "./mount_image.ts";
