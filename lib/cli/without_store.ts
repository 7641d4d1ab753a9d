/** What verbs do where there is no store. */
import { VarveError } from "../errors.ts";
import type { GlobalOptions } from "./options.ts";

/**
 * What a verb does where there is no store:
 *
 * - `"makes"`: it makes one, also at a root that the user named;
 * - `"refuses"`: it fails with `E_NOT_FOUND`, because it needs something that is in a store;
 * - `"lists nothing"`: its result is that of an empty store. But it refuses a root that the user named, which is
 *   probably mistyped;
 * - `"reports"`: it says that there is no store;
 * - `"unused"`: it needs no store.
 *
 * Only a verb that makes a store writes to the root.
 */
export type WithoutStore = "makes" | "refuses" | "lists nothing" | "reports" | "unused";

/** Whether a verb runs without a store, instead of refusing. */
export function mayLackStore(rule: WithoutStore, { isRootGiven }: GlobalOptions): boolean {
  return rule === "reports" || rule === "lists nothing" && !isRootGiven;
}

/** The error for a verb that needs a store where there is none. */
export function noStore({ root, isRootGiven }: GlobalOptions): VarveError {
  const makers = "'varve load', 'varve pull' or 'varve import' makes a store";
  return new VarveError("E_NOT_FOUND", `Cannot open store ${root}: there is none`, {
    subject: root,
    hint: isRootGiven ? `check the root; ${makers}` : makers,
  });
}
