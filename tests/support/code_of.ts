import { VarveError } from "../../lib/errors.ts";

/** The code of the `VarveError` that a call is refused with; `"ok"` when it succeeds. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return "ok";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}
