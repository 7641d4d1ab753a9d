import { VarveError } from "../../errors.ts";

/** What the format or this writer cannot hold. */
export function tooLarge(state: string, subject?: string): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot write EROFS image: ${state}`,
    { subject },
  );
}

/** Throws for an image that is not what its format says. @throws {VarveError} `E_FORMAT` */
export function damaged(state: string): never {
  throw new VarveError("E_FORMAT", `Cannot read EROFS image: ${state}`);
}
