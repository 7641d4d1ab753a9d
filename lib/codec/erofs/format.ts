/**
 * The EROFS on-disk format, as far as uncompressed images need it. Little endian.
 *
 * Source: Linux, fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst.
 *
 * @module
 */
// The type bits of an inode's mode are those of Linux.
export { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../bytes/mod.ts";

/** Where the superblock stands. */
export const SUPER_OFFSET = 1024;
/** Bytes of the superblock, without extensions. */
export const SUPER_BYTES = 128;
/** First word of the superblock. */
export const MAGIC = 0xe0f5_e1e2;
/** Bytes of a device slot. */
export const SLOT_BYTES = 128;
/** Bytes of a device slot's tag. */
export const TAG_BYTES = 64;

/** Compatible feature: the superblock's block has a checksum. */
export const COMPAT_CHECKSUM = 1;
/** Compatible feature: times are those of the content. */
export const COMPAT_MTIME = 2;
/** Incompatible feature: the padding of compressed data, which changes nothing without any. */
export const INCOMPAT_ZERO_PADDING = 1;
/** Incompatible feature: files in chunks. */
export const INCOMPAT_CHUNKED = 4;
/** Incompatible feature: a table of devices. */
export const INCOMPAT_DEVICES = 8;

/** The writer's block: a tar member begins at a multiple of it. */
export const BLOCK_BITS = 9;
/** Bytes of that block. */
export const BLOCK = 512;
/** Inodes are numbered in steps of this many bytes. */
export const NID_BYTES = 32;
/** Bytes of an inode whose numbers are small and whose time is that of the image. */
export const COMPACT_BYTES = 32;
/** Bytes of any other inode. */
export const EXTENDED_BYTES = 64;

/** Data layout: whole blocks. */
export const FLAT_PLAIN = 0;
/** Data layout: whole blocks, the rest behind the inode. */
export const FLAT_INLINE = 2;
/** Data layout: an array of chunks. */
export const CHUNK_BASED = 4;

/** A start block that says: none, or a hole. */
export const NO_BLOCK = 0xffff_ffff;
/** In a chunk format: the array holds devices and block numbers. */
export const CHUNK_INDEXES = 0x20;
/** In a chunk format: the bits of a chunk beyond those of a block. */
export const CHUNK_BITS = 0x1f;
/** Bytes of one chunk's place in the array. */
export const CHUNK_BYTES = 8;
/** The writer's largest chunk: 1 GiB. Kernels of 32 bits compute it in a long. */
export const MAX_CHUNK_BITS = 30;

/** Bytes of an entry of a directory, without its name. */
export const DIRENT_BYTES = 12;
/** Longest name that the kernel looks up. */
export const NAME_MAX = 255;

/** Bytes in front of an inode's xattrs. */
export const XATTR_HEADER_BYTES = 12;
/** Bytes in front of an xattr's name. */
export const XATTR_ENTRY_BYTES = 4;

/** Prefixes of xattr names by their index; 0 has none. */
export const XATTR_PREFIXES: readonly string[] = [
  "",
  "user.",
  "system.posix_acl_access",
  "system.posix_acl_default",
  "trusted.",
  "lustre.",
  "security.",
];

/** Rounds up to a multiple of a power of two; exact beyond 2^32. */
export function alignUp(value: number, to: number): number {
  // Most often it fits into 31 bits, where no division is needed.
  return value < 0x3fff_ffff ? (value + to - 1) & -to : Math.ceil(value / to) * to;
}

/** Bytes from the start of a block to a position; exact beyond 2^32. */
export function behindBlock(position: number): number {
  // A remainder of doubles is a call of some 20 ns, and nearly every position fits into 31 bits.
  return position < 0x7fff_ffff ? position & (BLOCK - 1) : position % BLOCK;
}

/** The type that a directory's entry tells, by `st_mode >>> 12`; 0 for what does not occur. */
export const DIRENT_TYPES: readonly number[] = [0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6];
