import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { CWD, isErrno, openDirectoryAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { quoteKey } from "./keys.ts";

/**
 * Locks the directory of a snapshot, so that it is mounted or removed by one process at a time.
 *
 * @returns the lock; `null` when the directory does not exist
 * @throws {VarveError} `E_BUSY` another process holds the lock
 */
export function lockSnapshotDirectory(
  store: DiskStore,
  key: string,
  cacheId: number,
): OwnedFd | null {
  const lock = tryOpen(store.directories.snapshot(cacheId));
  if (lock === null || lock.lock("exclusive")) return lock;
  lock[Symbol.dispose]();
  throw new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${quoteKey(key)}: another process is mounting or removing it`,
    { subject: key },
  );
}

function tryOpen(path: string): OwnedFd | null {
  try {
    return ownFd(openDirectoryAt(CWD, fromText(path)));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}
