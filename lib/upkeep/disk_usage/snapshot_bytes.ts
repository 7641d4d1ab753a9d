import { inTurns } from "../../pool/internal.ts";
import { DiskBytes } from "../../store/internal.ts";
import type { DiskStore } from "../../store/mod.ts";

/** Bytes on the disk that the removal of a snapshot's directory frees. */
export async function snapshotBytes(
  store: DiskStore,
  cacheId: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  return await inTurns(new DiskBytes("last").of(store.directories.snapshot(cacheId)), signal);
}
