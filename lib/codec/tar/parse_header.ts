import { type ByteString, fromBytes, type Timestamp, timestamp } from "../../bytes/mod.ts";
import { type ErrorCode, VarveError } from "../../errors.ts";
import { BLOCK, isMeta, TYPE } from "./format.ts";
import { nameLength, octal12, octal8, sumPair } from "./header_words.ts";
import { parseNumeric, parseOctal, parseTimeField } from "./numeric_fields.ts";

const EMPTY = "" as ByteString;
const SLASH = 0x2f;

/** The dialects that a reader must tell apart. A PAX header has the format `"ustar"`. */
export type HeaderFormat = "v7" | "ustar" | "gnu" | "star";

/**
 * The fields of a header block, before meta headers are applied. It is mutable, because meta
 * headers change it.
 */
export interface RawHeader {
  path: ByteString;
  /**
   * Whether the path ends in a slash. It is needed for every entry, and cheapest to read from the
   * bytes.
   */
  slash: boolean;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: Timestamp;
  typeflag: number;
  linkname: ByteString;
  devmajor: number;
  devminor: number;
  format: HeaderFormat;
}

/** An error in the archive. `position` is the offset in bytes of the header that has the error. */
export function tarError(
  position: number,
  state: string,
  code: ErrorCode = "E_HEADER",
): VarveError {
  return new VarveError(code, `Cannot read tar entry at byte ${position}: ${state}`);
}

/**
 * Parses a header block that is not all zeros.
 *
 * @param block bytes that hold the header, from index `at` on
 * @param words the same memory as words; `word` is the index of the first word of the header
 * @param sum the sum of the bytes of the header
 * @param position offset of the header in the archive, for messages
 * @throws {VarveError} `E_HEADER`, `E_ID` or `E_TIME` when a field is malformed
 */
export function parseHeader(
  block: Uint8Array,
  at: number,
  words: Uint32Array,
  word: number,
  sum: number,
  position: number,
): RawHeader {
  checkSum(block, at, sum - sumPair(words, word + 37), position);
  const typeflag = block[at + 156] as number;
  const format = formatOf(block, at);
  const mode = octal8(words, word + 25) ?? parseNumeric(block, at + 100, 8);
  const uid = octal8(words, word + 27) ?? parseNumeric(block, at + 108, 8);
  const gid = octal8(words, word + 29) ?? parseNumeric(block, at + 116, 8);
  const size = octal12(words, word + 31) ?? parseNumeric(block, at + 124, 12);
  const seconds = octal12(words, word + 34);
  const mtime = seconds === undefined ? parseTimeField(block, at + 136, 12) : timestamp(seconds);
  if (mode === undefined) throw tarError(position, "the mode is not a number");
  if (uid === undefined) throw tarError(position, "the user id is not a number", "E_ID");
  if (gid === undefined) throw tarError(position, "the group id is not a number", "E_ID");
  if (size === undefined) throw tarError(position, "the size is not a number");
  if (mtime === undefined) throw tarError(position, "the time is not a number", "E_TIME");
  const prefix = prefixOf(block, at, format, position);
  const length = isMeta(typeflag) ? 0 : nameLength(words, word);
  const isLink = typeflag === TYPE.HARDLINK || typeflag === TYPE.SYMLINK;
  const isDevice = typeflag === TYPE.CHAR || typeflag === TYPE.BLOCK;
  // As in Go, malformed device numbers are an error in the header of any entry, although only a
  // device uses them.
  const devmajor = format === "v7" ? 0 : deviceNumber(block, at + 329, position);
  const devminor = format === "v7" ? 0 : deviceNumber(block, at + 337, position);
  // Make a new object for each header, because young objects that an old object refers to cost the
  // garbage collector more.
  return {
    path: join(prefix, fromBytes(block, at, at + length)),
    slash: length === 0 ? prefix !== "" : block[at + length - 1] === SLASH,
    mode,
    uid,
    gid,
    size,
    mtime,
    typeflag,
    linkname: isLink ? cString(block, at + 157, 100) : EMPTY,
    devmajor: isDevice ? devmajor : 0,
    devminor: isDevice ? devminor : 0,
    format,
  };
}

/** Reads a string field, up to the first NUL or the end of the field. */
export function cString(block: Uint8Array, start: number, length: number): ByteString {
  return fromBytes(block, start, start + lengthOf(block, start, length));
}

function lengthOf(block: Uint8Array, start: number, length: number): number {
  let end = start;
  while (end < start + length && block[end] !== 0) end++;
  return end - start;
}

/**
 * Checks the checksum. POSIX sums unsigned bytes. Some old writers summed signed bytes, and readers
 * accept both.
 *
 * @param others sum of all bytes of the header except the checksum field
 */
function checkSum(block: Uint8Array, at: number, others: number, position: number): void {
  const stored = parseOctal(block, at + 148, 8);
  if (stored === others + 8 * 0x20) return;
  let signed = 8 * 0x20;
  for (let i = at; i < at + BLOCK; i++) {
    const byte = block[i] as number;
    if (i < at + 148 || i >= at + 156) signed += byte > 0x7f ? byte - 256 : byte;
  }
  if (stored !== signed) throw tarError(position, "the header's checksum differs");
}

function formatOf(block: Uint8Array, at: number): HeaderFormat {
  if (!matches(block, at + 257, "ustar")) return "v7";
  if (block[at + 262] === 0) return matches(block, at + 508, "tar\0") ? "star" : "ustar";
  return matches(block, at + 262, "  \0") ? "gnu" : "v7";
}

function matches(block: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (block[at + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

function deviceNumber(block: Uint8Array, at: number, position: number): number {
  const value = parseNumeric(block, at, 8);
  if (value === undefined) throw tarError(position, "a device number is not a number");
  return value;
}

function join(prefix: ByteString, name: ByteString): ByteString {
  return prefix === "" ? name : `${prefix}/${name}` as ByteString;
}

function prefixOf(
  block: Uint8Array,
  at: number,
  format: HeaderFormat,
  position: number,
): ByteString {
  switch (format) {
    case "ustar":
      return cString(block, at + 345, 155);
    case "star":
      checkTime(block, at + 476, position);
      checkTime(block, at + 488, position);
      return cString(block, at + 345, 131);
    case "gnu":
      return misplacedPrefix(block, at);
    case "v7":
      return EMPTY;
  }
}

function checkTime(block: Uint8Array, at: number, position: number): void {
  if (parseTimeField(block, at, 12) === undefined) {
    throw tarError(position, "a time is not a number", "E_TIME");
  }
}

/**
 * Reads the prefix that Go before 1.8 wrote into GNU headers, in the place where GNU has times. The
 * field is a prefix when one of the two times does not parse and the field is ASCII
 * (golang.org/issue/12594, golang.org/issue/21005).
 */
function misplacedPrefix(block: Uint8Array, at: number): ByteString {
  if (block[at + 345] === 0 && block[at + 357] === 0) return EMPTY;
  const accessed = block[at + 345] === 0 || parseTimeField(block, at + 345, 12) !== undefined;
  const changed = block[at + 357] === 0 || parseTimeField(block, at + 357, 12) !== undefined;
  if (accessed && changed) return EMPTY;
  const prefix = cString(block, at + 345, 155);
  for (let i = 0; i < prefix.length; i++) if (prefix.charCodeAt(i) > 0x7f) return EMPTY;
  return prefix;
}
