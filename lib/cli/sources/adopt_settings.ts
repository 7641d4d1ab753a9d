import { type OciLimits, ociLimits } from "../../oci/mod.ts";
import { documentLimits, type Store } from "../../store/mod.ts";
import type { Context } from "../context.ts";

/** Gives a temporary store the settings of the user's store: the limits that are set there hold for all that is read. */
export async function adoptSettings(context: Context, store: Store): Promise<void> {
  const own = await context.storeIfThere();
  for (const [key, value] of Object.entries(own?.settings.list() ?? {})) {
    store.settings.set(key, value);
  }
}

/** Limits of documents that pass by no store: the settings of the user's store, or the defaults where there is none. */
export async function ownDocumentLimits(context: Context): Promise<OciLimits> {
  const own = await context.storeIfThere();
  return own === undefined ? ociLimits() : documentLimits(own);
}
