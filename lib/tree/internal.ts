/**
 * What only other rooms need of trees: no public API.
 *
 * @module
 */
export { equalAttributes } from "./equal_attributes.ts";
export { parentPath } from "./path.ts";
