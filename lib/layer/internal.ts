/**
 * What other rooms need of layers, and users do not: the names of
 * whiteouts, and the rules for extended attributes.
 *
 * @module
 */
export { OPAQUE_MARKER, WHITEOUT_PREFIX } from "./build/whiteout_name.ts";
export { judgeXattrs, type XattrInode } from "./build/xattrs.ts";
