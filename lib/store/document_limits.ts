import { OCI_LIMITS, type OciLimits, ociLimits } from "../oci/mod.ts";
import type { Store } from "./contract.ts";

/**
 * Limits of documents: the store's settings, or the defaults where a setting is absent. The same
 * limits apply when a document comes in and when it is read from the store.
 */
export function documentLimits(store: Store): OciLimits {
  const given: { -readonly [K in keyof OciLimits]?: number } = {};
  // One query for all of them: a list of images asks for them twice for each image.
  const settings = store.settings.list();
  for (const name of Object.keys(OCI_LIMITS) as (keyof OciLimits)[]) {
    const value = settings[OCI_LIMITS[name].setting];
    if (value !== undefined) given[name] = Number(value);
  }
  return ociLimits(given);
}
