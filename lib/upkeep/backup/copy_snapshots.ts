import { pauseContainer, type PausedContainer } from "../../container/mod.ts";
import { copyWholeInPool } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { sleep } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import { lockSnapshotDirectory } from "../../snapshot/internal.ts";
import type { DiskStore, SnapshotRow } from "../../store/mod.ts";

/**
 * Longest time in ms to wait for a process that mounts or removes a snapshot, or has its container paused, and the time
 * between two attempts.
 */
const TIMEOUT = 10_000, WAIT = 50;

/**
 * Copies the directory of a snapshot into an empty directory, with its container paused.
 *
 * @returns whether its container was paused all the time, or the snapshot was removed meanwhile
 * @throws {VarveError} `E_UNSUPPORTED` its container cannot be paused · `E_BUSY` another process is mounting or removing it
 */
export async function copySnapshot(
  store: DiskStore,
  { scope, key, kind }: SnapshotRow,
  cacheId: number,
  target: string,
  { pool, signal }: { readonly pool: Pool; readonly signal: AbortSignal | undefined },
): Promise<"consistent" | "unpaused" | "gone"> {
  // Nobody removes the snapshot while the lock is held.
  using lock = await waitForLock(store, key, cacheId, signal);
  if (lock === null) return "gone";
  const paused = scope === "" && kind === "active" ? await pause(store, key, signal) : null;
  await using _ = paused === "by another" ? null : paused;
  await copyWholeInPool(pool, store.directories.snapshot(cacheId), target, signal);
  return paused === "by another" ? "unpaused" : "consistent";
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

/**
 * Pauses the container of a snapshot. Another process may have paused it, for a commit or another backup: then it would
 * run on as soon as that ends.
 */
async function pause(
  store: DiskStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<PausedContainer | null | "by another"> {
  for (const end = performance.now() + TIMEOUT;;) {
    try {
      return await pauseContainer(store, key);
    } catch (error) {
      if (!(error instanceof VarveError && error.code === "E_PRECONDITION")) throw error;
      if (performance.now() >= end) return "by another";
      await sleep(WAIT, signal);
    }
  }
}
