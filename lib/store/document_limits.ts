import { OCI_LIMITS, type OciLimits, ociLimits } from "../oci/mod.ts";
import type { Store } from "./contract.ts";

/**
 * The limits of documents that a store's settings give, else the defaults. What came in under
 * them is also read under them.
 */
export function documentLimits(store: Store): OciLimits {
  const given: { -readonly [K in keyof OciLimits]?: number } = {};
  for (const name of Object.keys(OCI_LIMITS) as (keyof OciLimits)[]) {
    const value = store.settings.get(OCI_LIMITS[name].setting);
    if (value !== undefined) given[name] = Number(value);
  }
  return ociLimits(given);
}
