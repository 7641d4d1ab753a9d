import { VarveError } from "../../errors.ts";

/**
 * The error for a tree that the format or this writer cannot hold. `subject` is the thing that is
 * too large, if it has a name.
 */
export function tooLarge(state: string, subject?: string): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot write EROFS image: ${state}`,
    { subject },
  );
}

/**
 * Throws the error for a damaged image.
 *
 * @throws {VarveError} `E_FORMAT`, always
 */
export function damaged(state: string): never {
  throw new VarveError("E_FORMAT", `Cannot read EROFS image: ${state}`);
}
