import { VarveError } from "../errors.ts";

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
