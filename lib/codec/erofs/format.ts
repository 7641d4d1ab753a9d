/**
 * The parts of the EROFS on-disk format that uncompressed images need. Numbers are little endian.
 *
 * Source: Linux, fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst.
 *
 * @module
 */
// The type bits of an inode's mode are those of Linux.
export { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../bytes/mod.ts";

/** Offset of the superblock in the image, in bytes. */
export const SUPER_OFFSET = 1024;
/** Size of the superblock in bytes, without extensions. */
export const SUPER_BYTES = 128;
/** Magic number: the first word of the superblock. */
export const MAGIC = 0xe0f5_e1e2;
/** Size in bytes of a slot in the device table. */
export const SLOT_BYTES = 128;
/** Size in bytes of the tag at the beginning of a device slot. */
export const TAG_BYTES = 64;

/** Compatible feature: the superblock has a checksum, which covers its block. */
export const COMPAT_CHECKSUM = 1;
/** Compatible feature: inode times are modification times. */
export const COMPAT_MTIME = 2;
/**
 * Incompatible feature: compressed data is padded with zeros. It has no effect without compressed
 * data.
 */
export const INCOMPAT_ZERO_PADDING = 1;
/** Incompatible feature: some files consist of chunks. */
export const INCOMPAT_CHUNKED = 4;
/** Incompatible feature: there is a device table. */
export const INCOMPAT_DEVICES = 8;

/**
 * The writer's block size as a power of two. It is 2^9 = 512 bytes, because the data of a tar entry
 * begins at a multiple of 512.
 */
export const BLOCK_BITS = 9;
/** The writer's block size in bytes. */
export const BLOCK = 512;
/** An inode number (nid) is the offset of the inode in units of this many bytes. */
export const NID_BYTES = 32;
/**
 * Size in bytes of a compact inode. Its fields are narrow, and its time is that of the superblock.
 */
export const COMPACT_BYTES = 32;
/** Size in bytes of an extended inode. */
export const EXTENDED_BYTES = 64;

/** Data layout: all content is in whole blocks. */
export const FLAT_PLAIN = 0;
/** Data layout: the content is in whole blocks, except for its tail, which follows the inode. */
export const FLAT_INLINE = 2;
/** Data layout: an array of chunks after the inode says where the content lies. */
export const CHUNK_BASED = 4;

/** Block number of a hole in a file, and of an inode without blocks. */
export const NO_BLOCK = 0xffff_ffff;
/** Bit of a chunk format: the entries of the array hold a device and a block number. */
export const CHUNK_INDEXES = 0x20;
/** Mask of a chunk format: the number of blocks in a chunk, as a power of two. */
export const CHUNK_BITS = 0x1f;
/** Size in bytes of an entry of the chunk array. */
export const CHUNK_BYTES = 8;
/**
 * Size of the writer's largest chunk as a power of two. It is 2^30 bytes (1 GiB), because 32-bit
 * kernels compute the size in a long.
 */
export const MAX_CHUNK_BITS = 30;

/** Size in bytes of a directory entry, without its name. */
export const DIRENT_BYTES = 12;
/** Maximum length in bytes of a name that the kernel looks up. */
export const NAME_MAX = 255;

/** Size in bytes of the header before the xattrs of an inode. */
export const XATTR_HEADER_BYTES = 12;
/** Size in bytes of an xattr entry, without name and value. */
export const XATTR_ENTRY_BYTES = 4;

/** Prefixes of xattr names, by the index that an xattr entry stores. Index 0 has no prefix. */
export const XATTR_PREFIXES: readonly string[] = [
  "",
  "user.",
  "system.posix_acl_access",
  "system.posix_acl_default",
  "trusted.",
  "lustre.",
  "security.",
];

/** Rounds up to a multiple of `to`, a power of two. The result is exact above 2^32 too. */
export function alignUp(value: number, to: number): number {
  // Most values fit into 31 bits, and need no division.
  return value < 0x3fff_ffff ? (value + to - 1) & -to : Math.ceil(value / to) * to;
}

/**
 * Number of bytes from the start of the block to a position in it. The result is exact above 2^32
 * too.
 */
export function offsetInBlock(position: number): number {
  // The remainder of doubles takes about 20 ns, and nearly every position fits into 31 bits.
  return position < 0x7fff_ffff ? position & (BLOCK - 1) : position % BLOCK;
}

/** The type in a directory entry, by `st_mode >>> 12`; 0 for a mode without a type. */
export const DIRENT_TYPES: readonly number[] = [0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6];
