/**
 * What only other rooms need of images: no public API.
 *
 * @module
 */
export { type ImagePlan, planImage, type PlannedDocument } from "./plan.ts";
export { allChunks, openFile, rangeChunks, readRange } from "./read_range.ts";
