import { adoptSnapshot, homeIn, keepSnapshot } from "../../store/internal.ts";
import type { Repair } from "./contract.ts";

/** Gives the directory of a snapshot its row again, from its marker. If the marker does not help, it is kept apart. */
export async function healLostSnapshot({ store, say }: Repair, cacheId: number): Promise<void> {
  const marker = homeIn(store, "snapshots", cacheId)?.marker;
  if (marker?.kind === "snapshot" && marker.id === cacheId && await adoptSnapshot(store, marker)) {
    return say(`snapshots/${cacheId} is snapshot ${JSON.stringify(marker.key)} again`);
  }
  const isKept = await keepSnapshot(store, cacheId);
  if (isKept) {
    say(`snapshots/${cacheId} was moved to lost/: adopt directory ${cacheId} to get it back`);
  }
}
