/**
 * What other rooms need of mounts. It is not part of the public API.
 *
 * @module
 */
export { type CopyIntoOptions, copyPathInto, copyTreeInto } from "./copy_into.ts";
export { endDeadMounts, removeDeadViews } from "./dead_mounts.ts";
export { isWithin } from "./is_within.ts";
export { checkMountTarget } from "./mount_image.ts";
export { unpackTree } from "./unpack_tree.ts";
