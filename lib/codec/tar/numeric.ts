/**
 * Numbers of tar headers: octal with the liberties that writers took, base-256,
 * and the decimal numbers of PAX records. What is not one is `undefined`, never
 * a guess. The rules are those of Go's archive/tar, which all engines share.
 */
import { type Timestamp, timestamp, timestampFromBigInt } from "../../bytes/mod.ts";

const SPACE = 0x20;
const ZERO = 0x30;

/**
 * An octal field: spaces and NULs around the digits do not count, a NUL ends
 * it, nothing at all is 0. At most 12 digits fit a field, so the value is exact.
 */
export function parseOctal(block: Uint8Array, start: number, length: number): number | undefined {
  let at = start;
  let end = start + length;
  while (at < end && (block[at] === SPACE || block[at] === 0)) at++;
  while (end > at && (block[end - 1] === SPACE || block[end - 1] === 0)) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] as number) - ZERO;
    if (digit === -ZERO) break;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return value;
}

/**
 * A numeric field: base-256 (two's complement, big endian) when the first bit
 * is set, else octal. May be negative. Beyond 2^53 the number is rounded, which
 * only values that are refused anyway can reach; beyond 63 bits it is no number.
 */
export function parseNumeric(block: Uint8Array, start: number, length: number): number | undefined {
  if ((block[start] as number) < 0x80) return parseOctal(block, start, length);
  const value = parseBase256(block, start, length);
  return value === undefined ? undefined : Number(value);
}

/** A time field: as {@linkcode parseNumeric}, exact in all 64 bits. */
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

const DECIMAL = /^[+-]?[0-9]+$/;
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/** A decimal number of a PAX record: an optional sign and digits, within 64 bits. Rounded beyond 2^53. */
export function parseDecimal(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  if (text.length <= 15) return Number(text);
  const value = parseInt64(text);
  return value === undefined ? undefined : Number(value);
}

function parseInt64(text: string): bigint | undefined {
  const negative = text.startsWith("-");
  // Leading zeros are legal; without them a long run of digits needs no big arithmetic to be refused.
  const digits = text.replace(/^[+-]?0*/, "");
  if (digits.length > 19) return undefined;
  const magnitude = BigInt(digits === "" ? "0" : digits);
  if (magnitude > MAX_INT64 + (negative ? 1n : 0n)) return undefined;
  return negative ? -magnitude : magnitude;
}

/**
 * A PAX time: seconds and an optional fraction of which nine digits count.
 * A sign holds for both parts, so −1.25 is 1.25 s before the epoch.
 *
 * Source: POSIX.1-2017, pax, "pax Extended Header File Times".
 */
export function parsePaxTime(text: string): Timestamp | undefined {
  const match = /^([+-]?[0-9]+)(?:\.([0-9]*))?$/.exec(text);
  if (match === null) return undefined;
  const seconds = parseInt64(match[1] as string);
  if (seconds === undefined) return undefined;
  const ns = Number((match[2] ?? "").slice(0, 9).padEnd(9, "0"));
  if (ns === 0 || !text.startsWith("-")) return timestampFromBigInt(seconds, ns);
  if (seconds === -MAX_INT64 - 1n) return undefined;
  return timestampFromBigInt(seconds - 1n, 1_000_000_000 - ns);
}
