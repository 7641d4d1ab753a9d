/**
 * The packed form of a tree, version 1. Numbers are little endian, and every part begins at a
 * multiple of 4 bytes: a *word*.
 *
 * A directory is one *block*:
 *
 *     header    4 words: total bytes, hashed bytes, checksum of sides and extents, 0
 *     hashed    1 word: kind << 28 | number of rows
 *               rows: 10 words each, sorted by name
 *               heap: for each row its name, digest, link target, xattrs, link group
 *     sides     3 words for each row
 *     extents   6 words each, only for files with holes or several runs
 *
 * The SHA-256 of the hashed part is the digest of the directory. A *side* says where something
 * lies: the bytes of a file in a layer tar, or the block of a directory. Sides are not hashed, so
 * they can change without changing the identity of the tree.
 *
 * A *leaf* block holds entries. A large directory is cut into several leaves; an *index* block
 * above them has one row for each leaf, with the first name and the digest of that leaf.
 *
 * The parts of a row in the heap come in the order given above. Each is padded with zeros to whole
 * words. Parts that a row does not have are left out. The flags of the row say which parts it has.
 *
 * @module
 */

/** Words of a block's header: total bytes, hashed bytes, checksum of sides and extents, zero. */
export const HEADER_WORDS = 4;
/** Words of a row. */
export const ROW_WORDS = 10;
/** Words of a row's side. */
export const SIDE_WORDS = 3;
/**
 * Words of an extent: offset in the file, length, position in the tar; each as low and high word.
 */
export const EXTENT_WORDS = 6;

/** Word of a row: end of the row's part of the heap, in bytes from the start of the heap. */
export const R_HEAP_END = 0;
/** Word of a row: length of the name in bytes in the low 16 bits, flags in the high 16. */
export const R_NAME = 1;
/** Word of a row: type and permission bits as in `st_mode`; 0 for a whiteout. */
export const R_MODE = 2;
/** Word of a row: user id. */
export const R_UID = 3;
/** Word of a row: group id. */
export const R_GID = 4;
/** Word of a row: seconds of the modification time, low word; the high word follows. */
export const R_MTIME = 5;
/** Word of a row: nanoseconds of the modification time. */
export const R_NS = 7;
/**
 * Word of a row, two words by type. File: size in bytes, low and high word. Device: major and
 * minor number. Directory or index row: number of entries below it, and number of entries below it
 * that have a link group.
 */
export const R_SIZE = 8;

/**
 * Word of a file's side: its layer, as the index in the segment's sources plus one; 0 for none.
 * The next two words are the position in the tar (low, high), unless {@linkcode SPARSE} is set.
 */
export const S_SOURCE = 0;
/**
 * Bit of {@linkcode S_SOURCE}: the file is not one run of bytes. The next two words are then the
 * place of its extents, in words from the start of the block, and their number.
 */
export const SPARSE = 0x8000_0000;

/** Flag: the heap holds a digest: of the file's content, or of the directory's block. */
export const F_DIGEST = 1;
/** Flag: the heap holds a link target. */
export const F_LINK = 2;
/** Flag: the heap holds xattrs. */
export const F_XATTR = 4;
/** Flag: the heap holds a link group. */
export const F_GROUP = 8;
/** Flag: a whiteout, which hides the entry of this name in lower layers. */
export const F_WHITEOUT = 16;
/** Flag: an opaque directory, which hides the entries that lower layers have in it. */
export const F_OPAQUE = 32;
/** Flag: an implied directory, which has no entry of its own in the layer. */
export const F_IMPLIED = 64;
/**
 * Flag, derived: a directory (or, in an index row, a leaf) that holds a *marked* entry somewhere
 * below it: a whiteout, an opaque or an implied directory. A root tree has none.
 */
export const F_MARKED = 128;
/**
 * All flags that make a row marked, including the flags of patches. Such a row cannot be in a root
 * tree.
 */
export const ANY_MARK = 0x7f0;
/** Flag in patches only: remove this name. */
export const P_ERASE = 256;
/** Flag in patches only: a directory on the path to a change; it must exist already. */
export const P_THROUGH = 512;
/** Flag in patches only: a directory that replaces the old entry instead of merging with it. */
export const P_REPLACE = 1024;
/** Mask of the flags that a stored tree may hold. */
export const STORED_FLAGS = 0xff;

/** Kind of a block that holds the entries of a directory, or a part of them. */
export const LEAF = 1;
/** Kind of a block that has one row for each leaf of a large directory. */
export const INDEX = 2;
/**
 * Mask of the number of rows in the first hashed word of a block; the kind is in the bits above.
 */
export const COUNT_MASK = 0x0fff_ffff;

/** 2^32: the weight of the high word of a number that takes two words. */
export const TWO_32 = 0x1_0000_0000;

/**
 * Minimum number of entries of a leaf that is followed by another leaf. Changing it changes every
 * digest.
 */
export const CUT_MIN = 32;
/**
 * Maximum number of entries of a leaf. Without it, hostile names that were chosen so that no hash
 * ends a leaf could make a leaf of any size. Changing it changes every digest.
 */
export const CUT_MAX = 512;
/**
 * A leaf ends after a name whose hash has zeros in these bits. Changing it changes every digest.
 */
const CUT_MASK = 127;

/** Start value of FNV-1a (32 bits), for the hash of a name and the checksum of sides and extents. */
export const HASH_SEED = 0x811c9dc5;
/** Multiplier of FNV-1a (32 bits). */
export const HASH_PRIME = 0x01000193;

/** Whether a leaf ends after its entry number `count`, whose name has this hash. */
export function endsLeaf(count: number, hash: number): boolean {
  // FNV mixes its low bits least, so the high bits are folded in.
  return count >= CUT_MIN && (((hash ^ (hash >>> 15)) & CUT_MASK) === 0 || count >= CUT_MAX);
}

/** Hashes a name in a heap. The hash is part of the format: it decides where leaves end. */
export function hashName(u32: Uint32Array, word: number, length: number): number {
  let hash = HASH_SEED;
  for (let i = 0; i < length; i++) {
    const byte = ((u32[word + (i >> 2)] as number) >>> ((i & 3) << 3)) & 0xff;
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  return hash >>> 0;
}

/** Number of words that `bytes` bytes take. */
export function wordsOf(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/**
 * Reverses the bytes of a word. Two reversed words compare as numbers in the same order as their
 * bytes in memory.
 */
function swap(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/**
 * Compares two names in heaps as memcmp does: negative, 0 or positive. Whole words can be
 * compared, because names hold no NUL and are padded with zeros.
 */
export function compareNames(
  a: Uint32Array,
  aWord: number,
  aLength: number,
  b: Uint32Array,
  bWord: number,
  bLength: number,
): number {
  const words = wordsOf(aLength < bLength ? aLength : bLength);
  for (let i = 0; i < words; i++) {
    const x = a[aWord + i] as number;
    const y = b[bWord + i] as number;
    if (x !== y) return swap(x) < swap(y) ? -1 : 1;
  }
  return aLength - bLength;
}
