import { VarveError } from "../errors.ts";

/** Makes a removal idempotent: ignores `E_NOT_FOUND`. */
export async function ignoreMissing(remove: () => void | Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_NOT_FOUND")) throw error;
  }
}
