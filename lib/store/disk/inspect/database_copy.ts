import type { DiffId, Digest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";
import type { DiskStore } from "../../disk_store.ts";
import type { Lease, SnapshotRow } from "../../records.ts";
import { blobRow, namedLayerRow } from "../content.ts";
import { checkWritable } from "../context.ts";
import { copyDatabase } from "../database/copy.ts";
import { Database } from "../database/database.ts";
import {
  fromMap,
  type LeaseRow,
  type SnapshotTableRow,
  toLease,
  toSnapshot,
} from "../database/records.ts";
import { RELEASED_LABEL } from "../names.ts";
import { diskOf } from "../store.ts";

/** What a copy of a store's database names. */
export interface CopiedRows {
  readonly blobs: readonly Digest[];
  readonly layers: readonly { readonly diffId: DiffId; readonly cacheId: number }[];
  readonly snapshots: readonly SnapshotRow[];
}

/** What is left out of a copy. */
export interface LeftOutRows {
  /** Whether a lease is left out: that of a mount or a run of this machine. */
  readonly lease: (lease: Lease) => boolean;
  /** Whether a snapshot is left out. It has no children. */
  readonly snapshot: (row: SnapshotRow) => boolean;
}

/**
 * Writes a copy of a store's database to a new file: the state of one moment, without what belongs to this machine or
 * can be made again. Chains have no directory in it.
 */
export async function copyDatabaseTo(
  store: DiskStore,
  path: string,
  leftOut: LeftOutRows,
): Promise<CopiedRows> {
  return await guarded(`write ${path}`, async () => {
    await writeDatabase(store, path);
    await Deno.chmod(path, 0o600);
    using copy = new Database(path);
    return copy.transact(() => {
      for (const lease of copy.all<LeaseRow>("SELECT * FROM lease").map(toLease)) {
        if (leftOut.lease(lease)) copy.run("DELETE FROM lease WHERE id = ?", lease.id);
      }
      const snapshots: SnapshotRow[] = [];
      for (const row of copy.all<SnapshotTableRow>("SELECT * FROM snapshot").map(toSnapshot)) {
        const { scope, key, kind, labels } = row;
        const byKey = "WHERE scope = ? AND key = ?";
        if (leftOut.snapshot(row)) {
          copy.run(`DELETE FROM snapshot ${byKey}`, scope, key);
          continue;
        }
        snapshots.push(row);
        if (kind === "committed" || labels[RELEASED_LABEL] !== undefined) continue;
        // Nothing of the copy is mounted.
        const released = fromMap({ ...labels, [RELEASED_LABEL]: "1" });
        copy.run(`UPDATE snapshot SET labels = ? ${byKey}`, released, scope, key);
      }
      copy.run("UPDATE chain SET cache_id = NULL");
      copy.run("DELETE FROM root_change");
      // All files of the copy are synced before it gets its name.
      copy.run("UPDATE state SET value = 0 WHERE key IN ('collecting', 'unsynced')");
      return {
        blobs: copy.all<{ digest: Digest }>("SELECT digest FROM blob").map(({ digest }) => digest),
        layers: copy.all<{ diffId: DiffId; cacheId: number }>(
          "SELECT diff_id AS diffId, cache_id AS cacheId FROM layer",
        ),
        snapshots,
      };
    });
  });
}

/**
 * Whether what is read of a store must be held, because it may be removed meanwhile. Nobody removes anything from a
 * read-only file system.
 *
 * @throws {VarveError} `E_SYSCALL` with `ENOSPC`: on a full disk nothing can be held
 */
export function mustHold(store: DiskStore, action: string): boolean {
  const disk = diskOf(store);
  if (disk.readOnly) return false;
  checkWritable(disk, action);
  return true;
}

/** Writes what one transaction sees. */
async function writeDatabase(store: DiskStore, path: string): Promise<void> {
  const { db, paths } = diskOf(store);
  try {
    db.run("VACUUM INTO ?", path);
    return;
  } catch (error) {
    // Without all permissions, Deno does not let SQLite open a second file.
    if (!/too many attached databases/.test(String(error))) throw error;
  }
  const bytes = copyDatabase(paths.database, true);
  if (bytes === undefined) {
    throw new VarveError(
      "E_BUSY",
      `Cannot write ${path}: other processes use the database all the time`,
      {
        hint: "try again",
      },
    );
  }
  await Deno.writeFile(path, bytes, { mode: 0o600 });
}

/** Removes snapshots with a directory from a copy of a store's database. */
export function forgetSnapshots(path: string, cacheIds: readonly number[]): void {
  using copy = new Database(path);
  copy.transact(() => {
    for (const id of cacheIds) copy.run("DELETE FROM snapshot WHERE cache_id = ?", id);
  });
}

/** Whether a store still has all blobs and layers of a copy, in the same places. */
export function hasStill(store: DiskStore, { blobs, layers }: CopiedRows): boolean {
  const disk = diskOf(store);
  return blobs.every((digest) => blobRow(disk, digest) !== undefined) &&
    layers.every(({ diffId, cacheId }) => namedLayerRow(disk, diffId)?.cache_id === cacheId);
}
