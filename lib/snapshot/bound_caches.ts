import { VarveError } from "../errors.ts";
import type { DiskStore } from "../store/mod.ts";
import { gcKnowledge } from "./gc_knowledge.ts";

/**
 * Enforces the bound of caches, if this store object has made some. Does nothing while a snapshot is being made.
 *
 * It never fails: the caller has done its work, and a later collection enforces the bound, too. When the signal is
 * aborted, it ends early.
 */
export async function boundCaches(store: DiskStore, signal?: AbortSignal): Promise<void> {
  try {
    await store.collector.boundCaches(gcKnowledge(store), { signal });
  } catch (error) {
    if (!(error instanceof VarveError) && !signal?.aborted) throw error;
  }
}
