import type { DiffId } from "../../digest/mod.ts";
import { chainIds } from "../../layer/mod.ts";
import type { StoreRows } from "../../store/internal.ts";
import { type Damage, NO_ROW } from "./damage.ts";

/** A row of something whose bytes were verified. */
interface Verified {
  readonly verified_at: number;
}

/**
 * Whether something that a deep check found damaged is still what the check looked at. What other processes removed
 * meanwhile is not damaged, nor what they removed and brought again.
 *
 * @param before the rows from which the check began
 * @param now the rows after it
 */
export function isStillThere(
  { site, actual }: Damage,
  before: StoreRows,
  now: StoreRows,
): boolean {
  const isNamed = (image: string | undefined) => now.images.some(({ digest }) => digest === image);
  switch (site.at) {
    case "blob": {
      if (actual === NO_ROW) return isNamed(site.image);
      const row = ({ blobs }: StoreRows) => blobs.find(({ digest }) => digest === site.digest);
      return isSame(row(before), row(now));
    }
    case "layer": {
      if (actual === NO_ROW) return isNamed(site.image);
      const row = ({ layers }: StoreRows) =>
        layers.find(({ diff_id, cache_id }) =>
          diff_id === site.diffId && cache_id === site.cacheId
        );
      return isSame(row(before), row(now));
    }
    case "chain":
      return isNamed(site.image) &&
        chainIds(site.diffIds as readonly DiffId[])
          .some((id) => now.chains.every(({ chain_id }) => chain_id !== id));
    case "derived": {
      const [home, id] = site.path.split("/");
      const rows = home === "layers" ? now.layers : now.chains;
      return rows.some(({ cache_id }) => String(cache_id) === id);
    }
    default:
      return true;
  }
}

/** Whether two rows are of the same bytes: these were not verified again in between. A note of damage changes no bytes. */
function isSame(before: Verified | undefined, now: Verified | undefined): boolean {
  return now !== undefined &&
    (now.verified_at === 0 || now.verified_at === before?.verified_at);
}
