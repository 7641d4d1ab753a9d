import { OCI_LIMITS, type OciLimits, ociLimits } from "../oci/mod.ts";
import type { Store } from "./contract.ts";

/**
 * Limits of documents: the store's settings, and the defaults where it has none. A document is read from the
 * store under the same limits under which it came in.
 */
export function documentLimits(store: Store): OciLimits {
  const given: { -readonly [K in keyof OciLimits]?: number } = {};
  for (const name of Object.keys(OCI_LIMITS) as (keyof OciLimits)[]) {
    const value = store.settings.get(OCI_LIMITS[name].setting);
    if (value !== undefined) given[name] = Number(value);
  }
  return ociLimits(given);
}
