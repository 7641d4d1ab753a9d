import type { DiffId } from "../../../digest/mod.ts";
import { guarded, guardedSync } from "../../../linux/mod.ts";
import type { Pool } from "../../../pool/mod.ts";
import { isOtherTreeVersion } from "../../../tree/internal.ts";
import { type Disk, takeLock } from "../context.ts";
import type { LayerRow } from "../database/records.ts";
import { markerLock } from "../ingest_names.ts";
import { LAYER_FILES } from "../names.ts";
import type { BeginIngest } from "./derive_tree.ts";

/**
 * Whether the file of a layer tree is of another version. A file that is missing, or no tree at all, is damaged
 * instead.
 */
function hasOtherVersion(path: string): boolean {
  return guardedSync("read the tree of a layer", () => {
    const head = new Uint8Array(16);
    try {
      using file = Deno.openSync(path, { read: true });
      return file.readSync(head) === head.length && isOtherTreeVersion(head);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/**
 * Derives the tree of a layer again if it has another version. When this returns, the row says what the file is.
 *
 * @param row the row as it is now
 */
export async function prepareTree(
  disk: Disk,
  begin: BeginIngest,
  row: LayerRow,
  pool?: Pool,
): Promise<void> {
  const path = `${disk.paths.layer(row.cache_id)}/${LAYER_FILES.tree}`;
  // While another process replaces the files of a layer, the row says that it is damaged.
  if (row.verified_at !== 0 && !hasOtherVersion(path)) return;
  if (!await betweenRepairs(disk, row, () => hasOtherVersion(path))) return;
  // It loads the codecs, which most commands on a store do without.
  const { deriveTree } = await import("./derive_tree.ts");
  await deriveTree(disk, begin, row, pool);
}

/** Calls `fn` while nobody is between the files of a layer and their row. */
async function betweenRepairs<T>(disk: Disk, { diff_id }: LayerRow, fn: () => T): Promise<T> {
  if (disk.readOnly) return fn();
  const path = markerLock(disk.paths, diff_id as DiffId);
  return await guarded(`read the tree of layer ${diff_id}`, async () => {
    const lock = await takeLock(disk, path, { what: "changes layers" });
    try {
      return fn();
    } finally {
      await disk.owner.tidy(() => lock.remove());
    }
  });
}
