/**
 * Numbers of tar headers: octal in all the variants that writers use, base-256, and the decimal
 * numbers of PAX records. The result for a malformed number is `undefined`, never a guess. The
 * rules are those of Go's archive/tar, which all container engines use.
 *
 * @module
 */
import { fromBytes, type Timestamp, timestamp, timestampFromBigInt } from "../../bytes/mod.ts";

const SPACE = 0x20;
const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;

/** A second in nanoseconds. */
const SECOND = 1_000_000_000;

/**
 * Parses an octal field. Spaces and NULs before the digits are skipped. A NUL after a digit ends the
 * number, whatever follows. After a space, only spaces and NULs may follow. An empty field is 0. A
 * field has at most 12 digits, so the value is exact.
 */
export function parseOctal(block: Uint8Array, start: number, length: number): number | undefined {
  const end = start + length;
  let at = start;
  while (at < end && (block[at] === SPACE || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] as number) - ZERO;
    if (digit >= 0 && digit <= 7) value = value * 8 + digit;
    else if (digit === -ZERO) return value;
    else return isBlank(block, at, end) ? value : undefined;
  }
  return value;
}

function isBlank(block: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (block[i] !== SPACE && block[i] !== 0) return false;
  }
  return true;
}

/**
 * Parses a numeric field: base-256 (two's complement, big endian) when the first bit is set, else
 * octal. The number may be negative. Above 2^53 it is rounded, because such values are refused
 * later anyway. Beyond 63 bits the result is `undefined`.
 */
export function parseNumeric(block: Uint8Array, start: number, length: number): number | undefined {
  if ((block[start] as number) < 0x80) return parseOctal(block, start, length);
  const value = parseBase256(block, start, length);
  return value === undefined ? undefined : Number(value);
}

/**
 * Parses a time field as {@linkcode parseNumeric} does, but with an exact result in all 64 bits.
 */
export function parseTimeField(
  block: Uint8Array,
  start: number,
  length: number,
): Timestamp | undefined {
  if ((block[start] as number) < 0x80) {
    const seconds = parseOctal(block, start, length);
    return seconds === undefined ? undefined : timestamp(seconds);
  }
  const seconds = parseBase256(block, start, length);
  return seconds === undefined ? undefined : timestampFromBigInt(seconds);
}

function parseBase256(block: Uint8Array, start: number, length: number): bigint | undefined {
  let value = 0n;
  for (let i = 0; i < length; i++) {
    const byte = block[start + i] as number;
    value = (value << 8n) | BigInt(i === 0 ? byte & 0x7f : byte);
  }
  // Bit 7 of the first byte marks the form, bit 6 is the sign.
  value = BigInt.asIntN(8 * length - 1, value);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;
const MIN_INT64 = -MAX_INT64 - 1n;

/**
 * Parses a decimal number of a PAX record: an optional sign and digits, within 64 bits. Above 2^53
 * the result is rounded.
 */
export function parseDecimal(text: string): number | undefined {
  if (text.length > 15) {
    const value = parseInt64(text);
    return value === undefined ? undefined : Number(value);
  }
  const first = text.charCodeAt(0);
  const signed = first === PLUS || first === MINUS;
  if (text.length === (signed ? 1 : 0)) return undefined;
  let value = 0;
  for (let i = signed ? 1 : 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  // The subtraction gives 0 for "-0", not −0.
  return first === MINUS ? 0 - value : value;
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const negative = text.startsWith("-");
  // Leading zeros are legal. Without them, a number that is too long is refused before BigInt
  // parses it.
  const digits = text.replace(/^[+-]?0*/, "");
  if (digits.length > 19) return undefined;
  const magnitude = BigInt(digits === "" ? "0" : digits);
  if (magnitude > MAX_INT64 + (negative ? 1n : 0n)) return undefined;
  return negative ? -magnitude : magnitude;
}

/**
 * Parses a PAX time: seconds and an optional fraction, of which nine digits are used. The sign
 * applies to both parts: −1.25 is 1.25 s before the epoch.
 *
 * It reads from bytes and not from a string, to be fast: many archives have three timestamps for
 * each entry.
 *
 * Source: POSIX.1-2017, pax, "pax Extended Header File Times".
 */
export function parsePaxTime(bytes: Uint8Array, start: number, end: number): Timestamp | undefined {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  const digits = at;
  let seconds = 0;
  for (; at < end && bytes[at] !== DOT; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    seconds = seconds * 10 + digit;
  }
  const ns = parseFraction(bytes, at + 1, end);
  if (at === digits || ns === undefined) return undefined;
  if (at - digits > 15) return largeTime(fromBytes(bytes, start, at), negative, ns);
  if (!negative) return timestamp(seconds, ns);
  return ns === 0 ? timestamp(0 - seconds) : timestamp(-1 - seconds, SECOND - ns);
}

function largeTime(text: string, negative: boolean, ns: number): Timestamp | undefined {
  const seconds = parseInt64(text);
  if (seconds === undefined) return undefined;
  if (!negative || ns === 0) return timestampFromBigInt(seconds, ns);
  return seconds === MIN_INT64 ? undefined : timestampFromBigInt(seconds - 1n, SECOND - ns);
}

/** Parses the digits of a fraction as nanoseconds. Digits after the ninth are dropped. */
function parseFraction(bytes: Uint8Array, at: number, end: number): number | undefined {
  let ns = 0;
  let unit = SECOND / 10;
  for (let i = at; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    ns += digit * unit;
    unit = unit > 1 ? unit / 10 : 0;
  }
  return ns;
}
