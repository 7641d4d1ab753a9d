import { pauseContainer } from "../../container/mod.ts";
import { copyWholeInPool } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { sleep } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import { lockSnapshotDirectory } from "../../snapshot/internal.ts";
import type { DiskStore, SnapshotRow } from "../../store/mod.ts";

/** Longest time in ms to wait for a process that mounts or removes a snapshot, and the time between two attempts. */
const TIMEOUT = 10_000, WAIT = 50;

/**
 * Copies the directory of a snapshot into an empty directory, with its container paused.
 *
 * @returns false when the snapshot was removed meanwhile
 * @throws {VarveError} `E_UNSUPPORTED` its container cannot be paused · `E_BUSY` another process is mounting or removing it
 */
export async function copySnapshot(
  store: DiskStore,
  { scope, key, kind }: SnapshotRow,
  cacheId: number,
  target: string,
  { pool, signal }: { readonly pool: Pool; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  // Nobody removes the snapshot while the lock is held.
  using lock = await waitForLock(store, key, cacheId, signal);
  if (lock === null) return false;
  await using _paused = scope === "" && kind === "active"
    ? await pauseUnlessPaused(store, key)
    : null;
  await copyWholeInPool(pool, store.directories.snapshot(cacheId), target, signal);
  return true;
}

async function waitForLock(
  store: DiskStore,
  key: string,
  cacheId: number,
  signal: AbortSignal | undefined,
) {
  for (const end = performance.now() + TIMEOUT;;) {
    try {
      return lockSnapshotDirectory(store, key, cacheId);
    } catch (error) {
      const isBusy = error instanceof VarveError && error.code === "E_BUSY";
      if (!isBusy || performance.now() >= end) throw error;
      await sleep(WAIT, signal);
    }
  }
}

async function pauseUnlessPaused(store: DiskStore, key: string): Promise<AsyncDisposable | null> {
  try {
    return await pauseContainer(store, key);
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_PRECONDITION") return null;
    throw error;
  }
}
