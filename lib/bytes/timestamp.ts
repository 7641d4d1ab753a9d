/**
 * A point in time: −2^63 to 2^63−1 seconds since the epoch, and nanoseconds.
 *
 * The seconds are two 32-bit halves. A `bigint` for each of a million entries would cost more time
 * than hashing them.
 */
export interface Timestamp {
  /** Low 32 bits of the seconds since the epoch, unsigned. */
  readonly lo: number;
  /** High 32 bits of the seconds since the epoch, signed. */
  readonly hi: number;
  /** Nanoseconds, 0 to 999,999,999. They count forward, also before the epoch. */
  readonly ns: number;
}

/** 1970-01-01T00:00:00Z. */
export const EPOCH: Timestamp = { lo: 0, hi: 0, ns: 0 };

const WORD = 0x1_0000_0000;

/**
 * A timestamp from whole seconds and nanoseconds.
 *
 * @throws {RangeError} when `seconds` is not a safe integer or `ns` is out of range
 */
export function timestamp(seconds: number, ns = 0): Timestamp {
  if (!Number.isSafeInteger(seconds)) {
    throw new RangeError(
      `Cannot make a timestamp: ${seconds} is not a safe integer`,
    );
  }
  if (!(ns >= 0 && ns < 1e9)) {
    throw new RangeError(`Cannot make a timestamp: ${ns} ns is out of range`);
  }
  return { lo: seconds >>> 0, hi: Math.floor(seconds / WORD), ns };
}

/**
 * A timestamp from whole seconds as a `bigint`, and nanoseconds.
 *
 * @throws {RangeError} when the seconds need more than 64 bits
 */
export function timestampFromBigInt(seconds: bigint, ns = 0): Timestamp {
  if (BigInt.asIntN(64, seconds) !== seconds) {
    throw new RangeError(
      `Cannot make a timestamp: ${seconds} needs more than 64 bits`,
    );
  }
  return { lo: Number(seconds & 0xffff_ffffn), hi: Number(seconds >> 32n), ns };
}

/** The seconds of a timestamp, exact. */
export function secondsOf(time: Timestamp): bigint {
  return (BigInt(time.hi) << 32n) | BigInt(time.lo);
}

/** The seconds of a timestamp as a number, exact up to ±2^53. */
export function secondsAsNumber(time: Timestamp): number {
  return time.hi * WORD + time.lo;
}

/** Whether two timestamps are equal. */
export function equalTimestamps(a: Timestamp, b: Timestamp): boolean {
  return a.lo === b.lo && a.hi === b.hi && a.ns === b.ns;
}
