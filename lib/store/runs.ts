import { VarveError } from "../errors.ts";

/** What a blob is opened for: all of it, or the run from `start` up to, without it, `end`. */
export interface OpenBlobOptions {
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes from the blob's beginning. */
  readonly run?: { readonly start: number; readonly end: number } | undefined;
}

/** @throws {RangeError} when it is no run of bytes */
export function checkRun(position: number, length: number): void {
  if (!isWhole(position) || !isWhole(length)) {
    throw new RangeError(`Cannot read ${length} bytes at ${position}: not whole numbers from 0`);
  }
}

/** The error of a run that goes past the end. */
export function pastEnd(end: number, size: number): VarveError {
  return new VarveError("E_TRUNCATED", `Cannot read up to byte ${end}: there are ${size}`, {
    expected: end,
    actual: size,
  });
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Judges a run of a blob. @throws {RangeError} */
export function checkRunOf(
  size: number,
  { start, end }: { readonly start: number; readonly end: number },
): void {
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (whole && start >= 0 && start <= end && end <= size) return;
  throw new RangeError(`Cannot read bytes ${start} to ${end} of a blob: it has ${size}`);
}
