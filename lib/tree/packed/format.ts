/**
 * The packed form of a tree, version 1. All little endian, all 4-aligned.
 *
 * A *block* is `total, hashedLength, sideSum, 0 ‖ kind << 28 | count · rows · heap ‖ side · extents`.
 * The middle part is hashed: its SHA-256 is the digest of the directory. The side says where things
 * lie (a file's bytes, a directory's block); it can change without changing the identity.
 *
 * A *leaf* holds entries, an *index* one row for each leaf of a directory that was cut. Both have
 * rows of ten words and a heap with the parts of each row in a fixed order, zero-padded to words:
 * name · digest · link target · xattrs · link group.
 *
 * @module
 */

/** Words of the header before the hashed part: total bytes, hashed bytes, sum of the side, zero. */
export const HEADER_WORDS = 4;
/** Words of a row. */
export const ROW_WORDS = 10;
/** Words of a row's side. */
export const SIDE_WORDS = 3;
/** Words of one extent behind the sides: logical, length, position, each low and high. */
export const EXTENT_WORDS = 6;

/** Row: where the entry's part of the heap ends, in bytes from the start of the heap. */
export const R_HEAP_END = 0;
/** Row: name length in the low 16 bits, flags in the high 16. */
export const R_NAME = 1;
/** Row: type and permission bits as in `st_mode`; 0 for a whiteout. */
export const R_MODE = 2;
/** Row: owner. */
export const R_UID = 3;
/** Row: group. */
export const R_GID = 4;
/** Row: seconds, low word; the high word follows. */
export const R_MTIME = 5;
/** Row: nanoseconds. */
export const R_NS = 7;
/** Row: size (low, then high word), or major and minor, or a directory's entries and linked names below. */
export const R_SIZE = 8;

/** Side of a file: index of its source plus one, or 0 for none. The extents follow elsewhere when {@linkcode SPARSE} is set. */
export const S_SOURCE = 0;
/** In {@linkcode S_SOURCE}: the next words are the place (words from the block's start) and number of extents. */
export const SPARSE = 0x8000_0000;

/** Flag: the heap holds a digest: of the content, or of the child block. */
export const F_DIGEST = 1;
/** Flag: the heap holds a link target. */
export const F_LINK = 2;
/** Flag: the heap holds xattrs. */
export const F_XATTR = 4;
/** Flag: the heap holds a link group. */
export const F_GROUP = 8;
/** Flag: hides the name below. */
export const F_WHITEOUT = 16;
/** Flag: a directory that hides what lower layers have in it. */
export const F_OPAQUE = 32;
/** Flag: a directory without an entry of its own. */
export const F_IMPLIED = 64;
/** Flag, derived: something below this directory (or in this leaf) is a whiteout, opaque or implied. */
export const F_MARKED = 128;
/** Flags of a row that is not as it could stand in a root tree; those of patches count too. */
export const ANY_MARK = 0x7f0;
/** Patches only: remove the name. */
export const P_ERASE = 256;
/** Patches only: a directory on the way to a change; it must exist. */
export const P_THROUGH = 512;
/** Patches only: a directory that replaces what was there instead of merging with it. */
export const P_REPLACE = 1024;
/** The flags that a stored tree may hold. */
export const STORED_FLAGS = 0xff;

/** Kind of a block that holds entries. */
export const LEAF = 1;
/** Kind of a block that holds one row a leaf. */
export const INDEX = 2;
/** In the first hashed word of a block: the number of rows. The kind is above it. */
export const COUNT_MASK = 0x0fff_ffff;

/** 2^32: the weight of the high word of a number in two words. */
export const TWO_32 = 0x1_0000_0000;

/** Fewest entries of a leaf before a cut. Changing it changes every digest. */
export const CUT_MIN = 32;
/** Most entries of a leaf, so that chosen names stay bounded. Changing it changes every digest. */
export const CUT_MAX = 512;
/** A name ends a leaf when these bits of its hash are 0. Changing it changes every digest. */
const CUT_MASK = 127;

/** Start value of the hash of a name (FNV-1a, 32 bits). */
export const HASH_SEED = 0x811c9dc5;
/** Multiplier of the hash of a name. */
export const HASH_PRIME = 0x01000193;

/** Whether a leaf of `count` entries ends behind an entry whose name has this hash. */
export function endsLeaf(count: number, hash: number): boolean {
  // The low bits of FNV mix worst: fold the high ones in.
  return count >= CUT_MIN && (((hash ^ (hash >>> 15)) & CUT_MASK) === 0 || count >= CUT_MAX);
}

/** The hash of a name that lies in a heap. Part of the format: it decides the cuts. */
export function hashName(u32: Uint32Array, word: number, length: number): number {
  let hash = HASH_SEED;
  for (let i = 0; i < length; i++) {
    const byte = ((u32[word + (i >> 2)] as number) >>> ((i & 3) << 3)) & 0xff;
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  return hash >>> 0;
}

/** Words that hold so many bytes. */
export function wordsOf(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/** A word with its bytes reversed, so that it orders as its bytes do. */
function swap(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/**
 * Orders two names in heaps as memcmp does. Names hold no NUL and are padded
 * with zeros, so whole words can be compared.
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
