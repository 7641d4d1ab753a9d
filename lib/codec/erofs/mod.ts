/**
 * EROFS images without compression: a writer that makes a tree mountable as a
 * picture of itself, its files lying in the layer tars, and a reader that makes
 * a tree of an image again.
 *
 * Both are pure: bytes in, bytes out; nothing is opened or mounted.
 *
 * @example
 * ```ts
 * import { erofsImageName, writeErofs } from "@varve/varve/erofs";
 * import { emptyTree } from "@varve/varve/tree";
 *
 * const tree = emptyTree("root");
 * const pieces: Uint8Array[] = [];
 * const { devices, write } = writeErofs(tree);
 * write((bytes) => pieces.push(bytes.slice()));
 * if (devices.length !== 0) throw new Error("an empty tree needs no layer");
 * if (!erofsImageName(tree).startsWith("sha256:")) throw new Error("not a name");
 * ```
 *
 * @module
 */
export { EROFS_WRITER_VERSION, erofsImageName } from "./image_name.ts";
export type * from "./options.ts";
export { readErofs, type ReadErofsOptions } from "./read/read_erofs.ts";
export { writeErofs } from "./write/write_erofs.ts";
