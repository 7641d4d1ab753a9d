/** What something is refused with. */
import { VarveError } from "../../lib/errors.ts";

/** The code of the error; `"ok"` without one. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return "ok";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}
