import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { BegunLayer, LayerKey, LayerOptions, LayerRecord, StagedLayer } from "../contract.ts";
import { lockNames } from "../rules.ts";
import { checkOutput, hasDirtyPadding, isLayerOf } from "../staging_rules.ts";
import type { KeyedLocks } from "./locks.ts";
import { hasBlob, type MemoryState, type Offer } from "./state.ts";

/** The layers of one ingest into a memory store. */
export class MemoryLayerStaging {
  /** Finished, in the order in which they were. */
  readonly made: Offer[] = [];
  /** Every layer that was asked for. */
  readonly asked: DiffId[] = [];
  /** Layers whose tar is wanted as a blob. */
  readonly plain: Set<DiffId> = new Set();
  readonly #state: MemoryState;
  readonly #locks: KeyedLocks;
  readonly #making = new Set<() => void>();
  #ended = false;

  /** Over a state and its locks. */
  constructor(state: MemoryState, locks: KeyedLocks) {
    this.#state = state;
    this.#locks = locks;
  }

  /** How many are being made. */
  get making(): number {
    return this.#making.size;
  }

  /** Begins a layer. */
  async begin(key: LayerKey, options: LayerOptions): Promise<BegunLayer> {
    options.signal?.throwIfAborted();
    const free = await this.#locks.acquire(lockNames(key), options.signal);
    let record: LayerRecord | undefined;
    try {
      this.#check();
      record = this.#find(key, options.blob === true);
    } catch (error) {
      free();
      throw error;
    }
    if (record === undefined) return { state: "new", staged: this.#stage(key, free) };
    free();
    return { state: "present", record };
  }

  /** Begins a layer that no key names. */
  beginNew(): StagedLayer {
    return this.#stage({}, () => {});
  }

  /** Gives everything up. */
  end(): void {
    this.#ended = true;
    for (const discard of [...this.#making]) discard();
    for (const offer of this.made) {
      for (const name of [offer.digest, offer.record.diffId]) {
        if (this.#state.offers.get(name) === offer) this.#state.offers.delete(name);
      }
    }
  }

  #stage(key: LayerKey, free: () => void): StagedLayer {
    const discard = () => {
      if (this.#making.delete(discard)) free();
    };
    this.#making.add(discard);
    const finish = (output: LayerJobOutput, mediaType: string) => {
      if (!this.#making.has(discard)) {
        throw new TypeError("Cannot finish layer: it was finished or discarded");
      }
      const offer = offerOf(key, output, mediaType);
      this.#take(offer);
      this.#state.offers.set(offer.record.diffId, offer).set(offer.digest, offer);
      discard();
    };
    return {
      target: { kind: "memory" },
      // Kept bytes would go with the process, and so would whoever could use them.
      kept: 0,
      finish: (output, mediaType) => Promise.try(finish, output, mediaType),
      discard: () => Promise.try(discard),
      suspend: () => Promise.try(discard),
    };
  }

  #find(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    const record = this.#state.find(key);
    if (record === undefined) return this.#adopt(key, wantsBlob);
    if (wantsBlob && !hasBlob(this.#state, key, record)) return this.#adopt(key, true);
    if (key.digest === record.diffId) this.plain.add(record.diffId);
    this.asked.push(record.diffId);
    return record;
  }

  /** Takes what another ingest has finished. */
  #adopt(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    for (const name of lockNames(key)) {
      const offer = this.#state.offers.get(name);
      if (offer === undefined) continue;
      const { diffId } = offer.record;
      if (!isLayerOf(key, { digest: offer.digest, diffId }, wantsBlob)) continue;
      if (key.digest === diffId) this.plain.add(diffId);
      this.#take(offer);
      return offer.record;
    }
    return undefined;
  }

  #take(offer: Offer): void {
    if (!this.made.includes(offer)) this.made.push(offer);
    this.asked.push(offer.record.diffId);
  }

  #check(): void {
    if (this.#ended) throw new VarveError("E_PRECONDITION", "Cannot ingest: it is done with");
  }
}

function offerOf(key: LayerKey, output: LayerJobOutput, mediaType: string): Offer {
  checkOutput(key, output);
  if (output.memory === undefined) {
    throw new TypeError("Cannot finish layer: its output is not in memory");
  }
  const { tar, tree } = output.memory;
  const { digest, diffId, treeDigest, entries, compression } = output;
  const size = tar.length;
  const dirtyPadding = hasDirtyPadding(output);
  const verifiedAt = Date.now();
  const record = { diffId, size, cacheId: 0, treeDigest, entries, dirtyPadding, verifiedAt };
  const bytes = output.memory.blob ?? (compression === "none" ? tar : null);
  const blob = bytes === null
    ? null
    : { record: { digest, size: bytes.length, mediaType, verifiedAt }, bytes };
  return { record, tar, tree, digest, blob };
}
