/**
 * What only other rooms need of trees: no public API.
 *
 * @module
 */
export { equalAttributes } from "./equal_attributes.ts";
export { parentPath } from "./path.ts";
export { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "./stat_mode.ts";
