/**
 * What other rooms need of layers; not part of the public API: the names of whiteouts, and the
 * rules for extended attributes.
 *
 * @module
 */
export { OPAQUE_MARKER, WHITEOUT_PREFIX } from "./build/whiteout_name.ts";
export { foldSteps } from "./fold_steps.ts";
export { viewLayers } from "./view_layers.ts";
export { judgeXattrs, type XattrInode } from "./build/xattrs.ts";
