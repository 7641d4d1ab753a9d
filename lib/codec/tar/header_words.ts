/**
 * Fast readers of header fields, four bytes at a time. A layer has a header for each of its files,
 * and reading them byte by byte takes twice as long.
 *
 * These functions read only the most common form of a field. For any other form they return
 * `undefined`; `numeric_fields.ts` reads all forms, with the same results.
 *
 * @module
 */

/** Number of words of four bytes in a block. */
const BLOCK_WORDS = 128;

/** Size in bytes of the name field, which begins a header. */
export const NAME_BYTES = 100;

/** Whether the processor is little endian, as all processors are that Deno runs on. */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * Mask of bytes 0 and 2 of a word: two lanes of 16 bits, in which bytes are added without overflow.
 */
const LANES = 0x00ff00ff;

/** The characters "0000", and the bits in which the digits 0 to 7 differ from "0". */
const ZEROS = 0x30303030;
const DIGITS = 0x07070707;

/** A space. Like a NUL, it may end the digits of a field. */
const SPACE = 0x20;

/** 8⁷: the weight of the first four of eleven octal digits. */
const EIGHT_7 = 2_097_152;

/** The sum of a block's bytes, unsigned. 0 means that all bytes are zero. */
export function sumBlock(words: Uint32Array, word: number): number {
  // The headers of a layer lie far apart, so most of the time is spent on waiting for memory. Each
  // round reads a word of every cache line of the block, so that the processor waits for all lines
  // at once.
  let all = 0;
  let odd = 0;
  for (let i = word; i < word + BLOCK_WORDS / 8; i++) {
    const a = words[i] as number;
    const b = words[i + 16] as number;
    const c = words[i + 32] as number;
    const d = words[i + 48] as number;
    const e = words[i + 64] as number;
    const f = words[i + 80] as number;
    const g = words[i + 96] as number;
    const h = words[i + 112] as number;
    all = (all + a + b + c + d + e + f + g + h) | 0;
    odd = (odd + ((a >>> 8) & LANES) + ((b >>> 8) & LANES) + ((c >>> 8) & LANES) +
      ((d >>> 8) & LANES) + ((e >>> 8) & LANES) + ((f >>> 8) & LANES) + ((g >>> 8) & LANES) +
      ((h >>> 8) & LANES)) | 0;
  }
  // Each lane of 16 bits sums 128 bytes, at most 128 × 255. `all` may have wrapped at 2^32. But
  // after the odd bytes are subtracted, the sum of the even bytes is below 2^32, and so exact.
  const even = (all - (odd << 8)) | 0;
  return sumLanes(even) + sumLanes(odd);
}

/** The sum of the eight bytes of two words. */
export function sumPair(words: Uint32Array, word: number): number {
  const a = words[word] as number;
  const b = words[word + 1] as number;
  return sumLanes((a & LANES) + (b & LANES) + ((a >>> 8) & LANES) + ((b >>> 8) & LANES));
}

/** Length of the name in bytes, up to the first NUL or the end of the field. */
export function nameLength(words: Uint32Array, word: number): number {
  for (let i = 0; i < NAME_BYTES / 4; i++) {
    const four = words[word + i] as number;
    // The well-known test for a zero byte in a word: the borrow of a zero byte sets bit 7.
    if (((four - 0x01010101) & ~four & 0x80808080) !== 0) return 4 * i + leadingBytes(four);
  }
  return NAME_BYTES;
}

/** Number of bytes of a word before its first NUL. The word must hold a NUL. */
function leadingBytes(four: number): number {
  let count = 0;
  while ((LITTLE_ENDIAN ? (four >>> (8 * count)) & 0xff : (four << (8 * count)) >>> 24) !== 0) {
    count++;
  }
  return count;
}

/** The sum of the two lanes. */
function sumLanes(lanes: number): number {
  return (lanes & 0xffff) + (lanes >>> 16);
}

/** Reads a field of seven octal digits and a NUL or a space; `undefined` for any other form. */
export function octal8(words: Uint32Array, word: number): number | undefined {
  const high = (words[word] as number) ^ ZEROS;
  const low = lastDigits(words[word + 1] as number);
  if (((high | low) & ~DIGITS) !== 0 || !LITTLE_ENDIAN) return undefined;
  return (fourDigits(high) * 4096 + fourDigits(low)) >>> 3;
}

/** Reads a field of eleven octal digits and a NUL or a space; `undefined` for any other form. */
export function octal12(words: Uint32Array, word: number): number | undefined {
  const high = (words[word] as number) ^ ZEROS;
  const middle = (words[word + 1] as number) ^ ZEROS;
  const low = lastDigits(words[word + 2] as number);
  if (((high | middle | low) & ~DIGITS) !== 0 || !LITTLE_ENDIAN) return undefined;
  const rest = (fourDigits(middle) * 4096 + fourDigits(low)) >>> 3;
  return high === 0 ? rest : fourDigits(high) * EIGHT_7 + rest;
}

/**
 * Converts the last word of a field (three digits and a NUL or a space) to four digits, of which
 * the last is 0.
 */
function lastDigits(word: number): number {
  const end = word >>> 24;
  // −1 has bits that no digit has, so the caller refuses any other end.
  return end === 0 || end === SPACE ? (word & 0xffffff) ^ (ZEROS & 0xffffff) : -1;
}

/** The value of four octal digits, the first in the lowest byte. */
function fourDigits(digits: number): number {
  const pairs = (digits << 3) + (digits >>> 8);
  return ((pairs & 0xff) << 6) + ((pairs >>> 16) & 0xff);
}
