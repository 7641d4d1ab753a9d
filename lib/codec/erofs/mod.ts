/**
 * EROFS images without compression: a writer that makes a tree mountable, and a reader that makes a
 * tree from an image. Both are pure: bytes in, bytes out. Nothing is opened or mounted.
 *
 * EROFS is a read-only file system of the Linux kernel. An image can refer to data on other
 * *devices*. So the image of a tree holds only metadata, and its files point into the uncompressed
 * layer tars:
 *
 *     image:   superblock │ device table │ inodes, directories, chunks │ xattrs │ copied content
 *                              │                            │
 *     devices:                 └─▶ layer 1 tar, layer 2 tar ◀┘ a file is a run of blocks in a tar
 *
 * No file is extracted, and almost no content is copied into the image. EROFS addresses whole
 * blocks of 512 bytes. So content is copied only for sparse files whose extents do not begin at
 * multiples of 512, and for files with dirty padding ({@linkcode WriteErofsOptions.dirty}).
 *
 * - {@linkcode writeErofs} plans an image, then writes it. The *survey* walks the tree once and
 *   records what each inode needs. The *plan* gives each inode its place. Writing walks the tree
 *   again in the same order, so an image of any size is written as a stream.
 * - {@linkcode erofsImageName} computes the name of a tree's image without writing it. Trees with
 *   the same name have the same image, so an image that exists already can be found and reused.
 * - {@linkcode readErofs} reads images of this writer and of mkfs.erofs. The image is not trusted.
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
