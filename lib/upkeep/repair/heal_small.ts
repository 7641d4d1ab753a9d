import { type ChainId, type DiffId, isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { createSnapshotter } from "../../snapshot/mod.ts";
import {
  discardDerived,
  forgetDirectory,
  readRows,
  restoreChain,
  restoreIndex,
  restoreMarker,
  restoreMode,
  restoreProofs,
  restoreSnapshotMarker,
} from "../../store/internal.ts";
import type { Site } from "../check/damage.ts";
import { snapshotName } from "../check/snapshot_name.ts";
import type { Repair } from "./contract.ts";
import { isMounted, mountsOf } from "./mounts_of.ts";

/** Gives back modes, `index.json`, markers whose rows are right, and rows that markers record. */
export async function healSmall({ store, damages }: Repair): Promise<void> {
  for (const { site, kind, healedBy } of damages) {
    if (healedBy !== "repair") continue;
    if (site.at === "mode") await restoreMode(site.path, site.mode);
    if (site.at === "index") await restoreIndex(store);
    if (site.at === "proof") await restoreProofs(store, site.diffId as DiffId, site.cacheId);
    if (site.at !== "marker" || kind !== "marker") continue;
    if (site.home === "snapshots") await restoreSnapshotMarker(store, site.cacheId);
    else await restoreMarker(store, site.home, site.cacheId);
  }
}

/** Gives snapshots whose parent is that of a chain this parent again, where the chain has its row. */
export async function healDangling({ store, damages }: Repair): Promise<void> {
  const keys = new Set(
    damages.flatMap(({ kind, site }) =>
      kind === "dangling" && site.at === "row" && site.table === "snapshot" ? [site.key] : []
    ),
  );
  if (keys.size === 0) return;
  const snapshotter = createSnapshotter(store);
  for (const row of readRows(store).snapshots) {
    const { scope, parent } = row;
    if (scope !== "" || parent === null || !keys.has(snapshotName(row))) continue;
    const chain = isDigest(parent) ? store.chains.get(parent as string as ChainId) : undefined;
    try {
      if (chain !== undefined) await snapshotter.ensureChain(chain.chainId);
    } catch (error) {
      // A layer of the chain is still missing: that is left, too.
      if (!(error instanceof VarveError)) throw error;
    }
  }
}

/**
 * Writes the rows of chains again, and removes what was derived from layers and is damaged. The next use makes it again.
 *
 * A directory that an overlay uses as its lower stays, because the files of the overlay would vanish, but no new mount
 * uses it. An image that is mounted stays alive in the kernel when its file is removed.
 */
export async function healDerived({ store, damages, say }: Repair): Promise<void> {
  // Not before all layers have their rows again.
  for (const { site } of damages) {
    if (site.at === "chain") await restoreChain(store, site.diffIds as readonly DiffId[]);
  }
  const seen = new Set<string>();
  for (const { site } of damages) {
    if (site.at !== "derived" || seen.has(site.path)) continue;
    seen.add(site.path);
    const [home, id, name] = site.path.split("/");
    if (name === undefined) {
      await forgetDirectory(store, site.chainId as ChainId);
      continue;
    }
    const users = mountsOf(store, site.path);
    if (users.length > 0) say(`${site.path} is mounted at ${users.join(", ")}: mount it again`);
    if (name !== "erofs" && (users.length > 0 || isMounted(store, `${store.root}/${home}/${id}`))) {
      await store.directories.outdate(ownerOf(site));
      say(`${site.path} stays while it is in use, and is not used again`);
      continue;
    }
    await discardDerived(store, ownerOf(site), name);
    say(`${site.path} was removed: the next use makes it again`);
  }
}

function ownerOf(
  { chainId, diffIds }: Extract<Site, { at: "derived" }>,
): { diffId: DiffId } | { chainId: ChainId } {
  return chainId === null ? { diffId: diffIds[0] as DiffId } : { chainId: chainId as ChainId };
}
