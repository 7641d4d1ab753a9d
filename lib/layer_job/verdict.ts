import { isBadData, type VarveError } from "../errors.ts";
import type { LayerJobInput } from "./contract.ts";
import { sourceSize } from "./source.ts";

/**
 * Whether an error inside of the bytes waits for the verdict on the bytes themselves: where their end
 * is known to come, and only for bad data. Limits and system calls end the job at once.
 */
export function mayWait(input: LayerJobInput, error: unknown): error is VarveError {
  return sourceSize(input) !== undefined && isBadData(error) && error.code !== "E_LIMIT";
}
