import { tryLockLowersAlone } from "../compose/internal.ts";
import { fromText } from "../bytes/mod.ts";
import { CWD, isErrno, openDirectoryAt, ownFd } from "../linux/mod.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore, SnapshotRow } from "../store/mod.ts";
import { CONTAINER_LABELS, hasRunLease, recordEnd } from "./container_records.ts";

/**
 * Removes the snapshots of runs with `remove` that were killed before they had a lease, or after it had ended. A
 * snapshot that a user has mounted since is kept.
 *
 * A run that is at work is never disturbed. While it makes its snapshot, it holds lowers; then it locks the directory
 * of the snapshot, until it has a lease; and the lease ends after the snapshot is removed.
 *
 * @param snapshotter makes the snapshotter when there is something to remove
 */
export async function removeAbandoned(
  store: DiskStore,
  snapshotter: () => Snapshotter,
): Promise<void> {
  const rows = findAbandoned(store);
  if (rows.length === 0) return;
  const made = snapshotter();
  for (const { key, cacheId } of rows) {
    await recordEnd(store, made, { key, exit: null, found: { cacheId } });
  }
}

function findAbandoned(store: DiskStore): SnapshotRow[] {
  const rows = store.snapshots.read((table) => table.byLabel(CONTAINER_LABELS.remove))
    .filter(({ kind, key }) => kind === "active" && !hasRunLease(store, key));
  if (rows.length === 0) return [];
  using alone = tryLockLowersAlone(store.directories.mounts);
  // A snapshot is being made. It may be one of these.
  if (alone === undefined) return [];
  return rows.filter((row) => isFree(store, row));
}

/** Whether no process has locked the directory of a snapshot, and none has got a lease for it. */
function isFree(store: DiskStore, { key, cacheId }: SnapshotRow): boolean {
  if (cacheId === null) return false;
  try {
    using directory = ownFd(openDirectoryAt(CWD, fromText(store.directories.snapshot(cacheId))));
    // A run gives up the lock when it has the lease, so the lease is looked for again under the lock.
    return directory.lock("exclusive") && !hasRunLease(store, key);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
