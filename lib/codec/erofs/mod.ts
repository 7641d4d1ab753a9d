/**
 * EROFS images without compression: a writer that makes a tree mountable as a
 * picture of itself, its files lying in the layer tars, and a reader that makes
 * a tree of an image again.
 *
 * Both are pure: bytes in, bytes out; nothing is opened or mounted.
 *
 * @module
 */
export { EROFS_WRITER_VERSION, erofsImageName } from "./image_name.ts";
export type * from "./options.ts";
export { readErofs, type ReadErofsOptions } from "./read.ts";
export { writeErofs } from "./write.ts";
