/**
 * The file types in `st_mode` (inode(7)). They are part of the stored form of a tree and of EROFS images.
 *
 * @module
 */

/** Mask of the type bits. */
export const S_IFMT = 0o170000;
/** FIFO. */
export const S_IFIFO = 0o010000;
/** Character device. */
export const S_IFCHR = 0o020000;
/** Directory. */
export const S_IFDIR = 0o040000;
/** Block device. */
export const S_IFBLK = 0o060000;
/** Regular file. */
export const S_IFREG = 0o100000;
/** Symbolic link. */
export const S_IFLNK = 0o120000;
