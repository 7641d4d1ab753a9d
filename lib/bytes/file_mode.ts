/**
 * The file type in a mode, as inode(7) names it. Linux, EROFS and stored trees share the numbers:
 * they are part of the kernel's interface and of both formats, so they never change.
 */

/** The bits of a mode that hold the file type. */
export const S_IFMT = 0o170000;
/** A FIFO. */
export const S_IFIFO = 0o010000;
/** A character device. */
export const S_IFCHR = 0o020000;
/** A directory. */
export const S_IFDIR = 0o040000;
/** A block device. */
export const S_IFBLK = 0o060000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A socket. */
export const S_IFSOCK = 0o140000;
