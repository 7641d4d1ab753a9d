import { isBadData, type VarveError } from "../errors.ts";
import type { LayerJobInput } from "./contract.ts";
import { sourceSize } from "./source.ts";

/**
 * Whether an error inside the bytes is deferred until the digest of all bytes is checked. Only an
 * error of bad data is deferred, and only if the source is sure to end. An exceeded limit or a
 * failed system call ends the job at once.
 */
export function isDeferrable(input: LayerJobInput, error: unknown): error is VarveError {
  return sourceSize(input) !== undefined && isBadData(error) && error.code !== "E_LIMIT";
}
