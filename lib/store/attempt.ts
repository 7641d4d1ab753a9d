import { VarveError } from "../errors.ts";

/** The result of a call; `undefined` when the call refuses what it reads with a `VarveError`. */
export function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    if (error instanceof VarveError) return undefined;
    throw error;
  }
}
