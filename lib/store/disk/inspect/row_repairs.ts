/** The writes of a repair that only change rows. */
import type { ChainId, DiffId } from "../../../digest/mod.ts";
import { chainId } from "../../../layer/mod.ts";
import type { DiskStore } from "../../disk_store.ts";
import { layerRow } from "../content.ts";
import { shareStoreLock } from "../context.ts";
import { insertChain } from "../database/rows.ts";
import type { Marker } from "../markers/marker_format.ts";
import { diskOf } from "../store.ts";
import { homeIn } from "./places.ts";
import { insertProofs } from "./insert_rows.ts";

/**
 * Gives a directory of `chains/` back to its chain, if that has no other. A chain without a row gets one from the
 * marker, if its layer and the chain below it have rows.
 *
 * @returns whether the chain has it now
 */
export async function adoptChain(
  store: DiskStore,
  { id, chainID, diffID, parent }: Extract<Marker, { kind: "chain" }>,
): Promise<boolean> {
  const disk = diskOf(store);
  const { db } = disk;
  using _ = await shareStoreLock(disk);
  return db.transact(() => {
    const hasParent = parent === null || store.chains.get(parent as ChainId) !== undefined;
    const isRight = chainId(parent as ChainId | null, diffID as DiffId) === chainID;
    if (isRight && hasParent && layerRow(disk, diffID as DiffId) !== undefined) {
      db.run("INSERT OR IGNORE INTO chain VALUES (?, ?, ?, NULL)", chainID, diffID, parent);
    }
    const sql = "UPDATE chain SET cache_id = ? WHERE chain_id = ? AND cache_id IS NULL";
    return db.run(sql, id, chainID) > 0;
  });
}

/**
 * Writes the rows of a chain and of the chains below it, where they are missing.
 *
 * @param diffIds its layers, lowest first
 * @returns whether all of its layers have rows
 */
export async function restoreChain(
  store: DiskStore,
  diffIds: readonly DiffId[],
): Promise<boolean> {
  const disk = diskOf(store);
  using _ = await shareStoreLock(disk);
  return disk.db.transact(() => {
    if (!diffIds.every((diffId) => layerRow(disk, diffId) !== undefined)) return false;
    insertChain(disk.db, diffIds);
    return true;
  });
}

/** Writes the rows of the blobs and names that the marker of a layer records as proved, where they are missing. */
export async function restoreProofs(
  store: DiskStore,
  diffId: DiffId,
  cacheId: number,
): Promise<void> {
  const marker = homeIn(store, "layers", cacheId)?.marker;
  if (marker?.kind !== "layer" || marker.diffID !== diffId) return;
  const disk = diskOf(store);
  using _ = await shareStoreLock(disk);
  disk.db.transact(() => {
    if (layerRow(disk, diffId)?.cache_id === cacheId) insertProofs(disk.db, marker);
  });
}
