/**
 * Symbols for other rooms, not part of the public API: the names of whiteouts, the rules for
 * extended attributes, the root tree of a chain of layers in steps or as a view, and squash in steps.
 *
 * @module
 */
export { OPAQUE_MARKER, WHITEOUT_PREFIX } from "./build/whiteout_name.ts";
export { foldSteps } from "./fold_steps.ts";
export { squashSteps } from "./squash_steps.ts";
export { viewLayers } from "./view_layers.ts";
export { judgeXattrs, type XattrInode } from "./build/xattrs.ts";
