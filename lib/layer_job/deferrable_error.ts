import { isBadData, type VarveError } from "../errors.ts";
import type { LayerJobInput } from "./contract.ts";
import { sourceSize } from "./source.ts";

/**
 * Whether an error is deferred until the digests are checked. Only an error of bad data is
 * deferred, and only if the size of the source is known: a source of unknown size might never end.
 * An exceeded limit or a failed system call ends the job at once.
 */
export function isDeferrable(input: LayerJobInput, error: unknown): error is VarveError {
  return sourceSize(input) !== undefined && isBadData(error) && error.code !== "E_LIMIT";
}
