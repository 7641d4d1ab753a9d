import { VarveError } from "../../errors.ts";
import { findImage } from "../../store/mod.ts";
import type { Context } from "../context.ts";
import type { Place } from "./place.ts";

/**
 * Reads an image of a registry. If that fails, and the store has an image of this name, the error says how to copy that.
 *
 * @throws {VarveError} what `read` throws
 */
export async function orNameOfStore<T>(
  context: Context,
  { kind, text }: Place,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (kind !== "registry" || text.startsWith("docker://")) throw error;
    if (!(error instanceof VarveError) || context.signal.aborted) throw error;
    // A store that cannot be opened is not what the user asked for.
    const store = await context.storeIfThere().catch(() => undefined);
    const isThere = store !== undefined && await findImage(store, text).catch(() => undefined);
    if (!isThere) throw error;
    const { code, message, details } = error;
    throw new VarveError(code, message, {
      ...details,
      hint: `the store has an image of this name: write store:${text}`,
    });
  }
}
