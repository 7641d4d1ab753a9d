import type { Digest } from "../../digest/mod.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { LayerKey } from "../contract.ts";
import type { LayerRecord } from "../records.ts";
import type { LayerBackend, LayerRoom } from "../staging/layer_staging.ts";
import { finishedLayer } from "../staging/staged.ts";
import type { KeyedLocks } from "./locks.ts";
import { PieceList } from "./piece_list.ts";
import { hasBlob, type MemoryState, type StagedMemory } from "./state.ts";

/**
 * Stages layers in memory. A layer that is given up keeps no bytes, because they would not outlive
 * the process anyway.
 */
export class MemoryLayerBackend implements LayerBackend<StagedMemory> {
  readonly #state: MemoryState;
  readonly #locks: KeyedLocks;

  /** Makes the backend of a store with this state and these locks. */
  constructor(state: MemoryState, locks: KeyedLocks) {
    this.#state = state;
    this.#locks = locks;
  }

  async lock(
    names: readonly Digest[],
    signal: AbortSignal | undefined,
  ): Promise<() => Promise<void>> {
    const unlock = await this.#locks.acquire(names, signal);
    return () => Promise.resolve(unlock());
  }

  /** A memory store has no gc. */
  hold(): Promise<void> {
    return Promise.resolve();
  }

  findCommitted(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    const record = this.#state.find(key);
    if (record === undefined || !wantsBlob) return record;
    return hasBlob(this.#state, key, record) ? record : undefined;
  }

  adopt(name: Digest): Promise<StagedMemory | "none"> {
    const offer = this.#state.offers.get(name);
    // Returns a copy, so that only the ingest that offers the layer can withdraw the offer.
    return Promise.resolve(offer === undefined ? "none" : { ...offer });
  }

  open(): Promise<LayerRoom<StagedMemory>> {
    return Promise.resolve({
      target: { kind: "memory" },
      kept: 0,
      take: (output, mediaType) => Promise.try(stagedMemory, output, mediaType),
      remove: () => Promise.resolve(),
    });
  }

  offer(layer: StagedMemory): Promise<void> {
    this.#state.offers.set(layer.diffId, layer).set(layer.digest, layer);
    return Promise.resolve();
  }

  withdraw(layer: StagedMemory): Promise<void> {
    for (const name of [layer.digest, layer.diffId]) {
      if (this.#state.offers.get(name) === layer) this.#state.offers.delete(name);
    }
    return Promise.resolve();
  }
}

function stagedMemory(output: LayerJobOutput, mediaType: string): StagedMemory {
  if (output.memory === undefined) {
    throw new TypeError("Cannot finish layer: its output is not in memory");
  }
  const { tree, blob: packed } = output.memory;
  const tar = new PieceList(output.memory.tar);
  const bytes = packed !== null
    ? new PieceList(packed)
    : output.compression === "none"
    ? tar
    : null;
  const blob = bytes === null
    ? null
    : { digest: output.digest, size: bytes.size, mediaType, bytes };
  return { ...finishedLayer(output), tar, tree, blob };
}
