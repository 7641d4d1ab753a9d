import { VarveError } from "../../errors.ts";
import type { Ingest, Store } from "../contract.ts";
import { MemoryBlobs, MemoryLayers } from "./content.ts";
import { beginIngest } from "./ingest.ts";
import { KeyedLocks } from "./locks.ts";
import { MemoryChains, MemoryImages, MemoryLeases, MemorySettings } from "./rows.ts";
import { MemorySnapshots } from "./snapshots.ts";
import { MemoryState } from "./state.ts";

/**
 * Makes an empty store in memory, for tests and for work on images without files. Its content is
 * lost when the store is disposed.
 *
 * @example
 * ```ts
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * store.settings.set("limits.oci.config", "1000000");
 * if (store.settings.get("limits.oci.config") !== "1000000") throw new Error("it was set");
 * ```
 */
export function openMemoryStore(): Store {
  const state = new MemoryState();
  const locks = new KeyedLocks();
  const chains = new MemoryChains(state);
  const images = new MemoryImages(state);
  const ingests = new Set<Ingest>();
  const onEnd = (ingest: Ingest) => void ingests.delete(ingest);
  let isOpen = true;
  return {
    root: null,
    durability: "none",
    directories: null,
    blobs: new MemoryBlobs(state),
    layers: new MemoryLayers(state),
    chains,
    images,
    snapshots: new MemorySnapshots(state),
    leases: new MemoryLeases(state),
    settings: new MemorySettings(state),
    ingest: () =>
      Promise.try(() => {
        if (!isOpen) throw new VarveError("E_PRECONDITION", "Cannot ingest: the store is closed");
        const ingest = beginIngest({ state, locks, chains, images, onEnd });
        ingests.add(ingest);
        return ingest;
      }),
    async [Symbol.asyncDispose](): Promise<void> {
      isOpen = false;
      for (const ingest of [...ingests]) await ingest[Symbol.asyncDispose]();
    },
  };
}
