import { VarveError } from "../../errors.ts";
import type {
  Blobs,
  Chains,
  Images,
  Ingest,
  Layers,
  Leases,
  Settings,
  Snapshots,
  Store,
} from "../contract.ts";
import { MemoryBlobs, MemoryLayers } from "./content.ts";
import { MemoryIngest } from "./ingest.ts";
import { KeyedLocks } from "./locks.ts";
import {
  MemoryChains,
  MemoryImages,
  MemoryLeases,
  MemorySettings,
  MemorySnapshots,
} from "./rows.ts";
import { MemoryState } from "./state.ts";

/**
 * A new, empty store in memory: for tests, and for work on images without files.
 *
 * @example
 * ```ts
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * await using ingest = await store.ingest();
 * const { digest } = await ingest.blob(new TextEncoder().encode("{}"), "application/json");
 * await ingest.commit();
 * if (store.blobs.stat(digest as never)?.size !== 2) throw new Error("never");
 * ```
 */
export function openMemoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  readonly root = null;
  readonly durability = "none";
  readonly directories = null;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly chains: Chains;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly leases: Leases;
  readonly settings: Settings;
  readonly #state = new MemoryState();
  readonly #locks = new KeyedLocks();
  readonly #ingests = new Set<MemoryIngest>();

  constructor() {
    this.blobs = new MemoryBlobs(this.#state);
    this.layers = new MemoryLayers(this.#state);
    this.chains = new MemoryChains(this.#state);
    this.images = new MemoryImages(this.#state);
    this.snapshots = new MemorySnapshots(this.#state);
    this.leases = new MemoryLeases(this.#state);
    this.settings = new MemorySettings(this.#state);
  }

  ingest(): Promise<Ingest> {
    return Promise.try(() => {
      if (this.#state.closed) {
        throw new VarveError("E_PRECONDITION", "Cannot ingest: store is closed");
      }
      const { chains, images } = this;
      const ingest = new MemoryIngest({
        state: this.#state,
        locks: this.#locks,
        chains,
        images,
      });
      this.#ingests.add(ingest);
      return ingest;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ingest of this.#ingests) await ingest[Symbol.asyncDispose]();
    this.#ingests.clear();
    this.#state.closed = true;
  }
}
