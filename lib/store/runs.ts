import { VarveError } from "../errors.ts";

/** Options for opening a blob, as a whole or a part of it. */
export interface OpenBlobOptions {
  /** Aborts the stream with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** The part to read: from byte `start` up to but not including byte `end`. The whole blob when absent. */
  readonly run?: { readonly start: number; readonly end: number } | undefined;
}

/**
 * Checks a position and a length.
 *
 * @throws {RangeError} when either is negative or not an integer
 */
export function checkRun(position: number, length: number): void {
  if (!isWhole(position) || !isWhole(length)) {
    throw new RangeError(`Cannot read ${length} bytes at ${position}: not whole numbers from 0`);
  }
}

/** The error about a part that goes past the end. */
export function pastEnd(end: number, size: number): VarveError {
  return new VarveError("E_TRUNCATED", `Cannot read up to byte ${end}: there are ${size}`, {
    expected: end,
    actual: size,
  });
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Checks a part of a blob of `size` bytes. @throws {RangeError} when it does not lie within the blob */
export function checkRunOf(
  size: number,
  { start, end }: { readonly start: number; readonly end: number },
): void {
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (whole && start >= 0 && start <= end && end <= size) return;
  throw new RangeError(`Cannot read bytes ${start} to ${end} of a blob: it has ${size}`);
}
