/**
 * What a header's fields hold, seen four bytes at a time: a layer has a header
 * for each of its files, and byte by byte they cost twice as much to read.
 *
 * Everything here answers for the common form alone and says when it is not
 * that; `numeric.ts` reads the others, and means the same.
 */

/** Words of four bytes in a block. */
const BLOCK_WORDS = 128;

/** Bytes of the field for the name, with which a header begins. */
export const NAME_BYTES = 100;

/** Whether the first byte of a word is its lowest, as on every processor that Deno runs on. */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Bytes 1 and 3 of a word, moved to where 0 and 2 are. */
const LANES = 0x00ff00ff;

/** "0000", and the bits that a digit from 0 to 7 may have beside. */
const ZEROS = 0x30303030;
const DIGITS = 0x07070707;

/** What may stand behind the digits of a field, as a word's last byte. */
const SPACE = 0x20;

/** 8⁷: the weight of the first four of eleven octal digits. */
const EIGHT_7 = 2_097_152;

/** The sum of a block's bytes, unsigned; 0 means that all of them are zero. */
export function sumBlock(words: Uint32Array, word: number): number {
  // Headers of a layer lie far apart, so most of the time goes into waiting for memory: reading a
  // word of each cache line in turn waits for all at once.
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
  // Two lanes of 16 bits hold 128 × 255 each. The words wrapped at 2^32, but what is left of them
  // without the odd bytes is below it, and so exact.
  const even = (all - (odd << 8)) | 0;
  return sumLanes(even) + sumLanes(odd);
}

/** The sum of the eight bytes of two words. */
export function sumPair(words: Uint32Array, word: number): number {
  const a = words[word] as number;
  const b = words[word + 1] as number;
  return sumLanes((a & LANES) + (b & LANES) + ((a >>> 8) & LANES) + ((b >>> 8) & LANES));
}

/** Bytes of the name up to the first NUL or the end of its field. */
export function nameLength(words: Uint32Array, word: number): number {
  for (let i = 0; i < NAME_BYTES / 4; i++) {
    const four = words[word + i] as number;
    // A byte borrows from the one above only where it is 0, or stands above one that is.
    if (((four - 0x01010101) & ~four & 0x80808080) !== 0) return 4 * i + leadingBytes(four);
  }
  return NAME_BYTES;
}

/** Bytes of a word in front of its first NUL, of which it has one. */
function leadingBytes(four: number): number {
  let count = 0;
  while ((LITTLE_ENDIAN ? (four >>> (8 * count)) & 0xff : (four << (8 * count)) >>> 24) !== 0) {
    count++;
  }
  return count;
}

function sumLanes(lanes: number): number {
  return (lanes & 0xffff) + (lanes >>> 16);
}

/** A field of seven octal digits and a NUL or a space; `undefined` when it is of another form. */
export function octal8(words: Uint32Array, word: number): number | undefined {
  const high = (words[word] as number) ^ ZEROS;
  const low = lastDigits(words[word + 1] as number);
  if (((high | low) & ~DIGITS) !== 0 || !LITTLE_ENDIAN) return undefined;
  return (fourDigits(high) * 4096 + fourDigits(low)) >>> 3;
}

/** A field of eleven octal digits and a NUL or a space; `undefined` when it is of another form. */
export function octal12(words: Uint32Array, word: number): number | undefined {
  const high = (words[word] as number) ^ ZEROS;
  const middle = (words[word + 1] as number) ^ ZEROS;
  const low = lastDigits(words[word + 2] as number);
  if (((high | middle | low) & ~DIGITS) !== 0 || !LITTLE_ENDIAN) return undefined;
  const rest = (fourDigits(middle) * 4096 + fourDigits(low)) >>> 3;
  return high === 0 ? rest : fourDigits(high) * EIGHT_7 + rest;
}

/** Three digits and what ends a field, as four digits of which the last is 0. */
function lastDigits(word: number): number {
  const end = word >>> 24;
  // Anything else sets bits that no digit has.
  return end === 0 || end === SPACE ? (word & 0xffffff) ^ (ZEROS & 0xffffff) : -1;
}

/** The value of four digits, the first in the lowest byte. */
function fourDigits(digits: number): number {
  const pairs = (digits << 3) + (digits >>> 8);
  return ((pairs & 0xff) << 6) + ((pairs >>> 16) & 0xff);
}
