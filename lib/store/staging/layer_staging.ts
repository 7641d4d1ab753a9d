import type { DiffId, Digest } from "../../digest/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../../layer_job/mod.ts";
import type { BegunLayer, LayerKey, LayerOptions, StagedLayer } from "../contract.ts";
import type { LayerRecord } from "../records.ts";
import { lockNames } from "../rules.ts";
import { checkOutput, isLayerOf } from "./layer_checks.ts";
import { type FinishedLayer, provisionalRecord } from "./staged.ts";
import { ingestEnded } from "./ingest_errors.ts";

/**
 * Maximum number of times to look for a layer that another ingest is committing, and the wait
 * between two tries in ms.
 */
const MOVING_TRIES = 400;
const MOVING_WAIT = 5;

/** Stages layers for one kind of store. */
export interface LayerBackend<Layer extends FinishedLayer> {
  /**
   * Locks the names of a layer, one after another, so that no other ingest makes it meanwhile.
   *
   * @returns a function that frees all of them and does not throw
   * @throws `signal.reason`
   */
  lock(names: readonly Digest[], signal: AbortSignal | undefined): Promise<() => Promise<void>>;
  /** Keeps the blobs and layers of these digests from gc until the ingest ends. */
  hold(digests: readonly Digest[]): Promise<void>;
  /**
   * The layer that a key names, if the store holds it intact. If the key's blob is wanted, the
   * store must hold that blob too.
   */
  findCommitted(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined;
  /**
   * Takes over the layer that another ingest offers under a name. Returns `"moving"` while that
   * ingest commits the layer, `"none"` when there is no offer.
   */
  adopt(name: Digest): Promise<Layer | "moving" | "none">;
  /** Makes room for a new layer. `keep` is the digest of the blob whose bytes to keep. */
  open(keep: Digest | undefined): Promise<LayerRoom<Layer>>;
  /** Offers a finished layer to other ingests. */
  offer(layer: Layer): Promise<void>;
  /** Withdraws the offers of a layer, unless other ingests have replaced them; does not throw. */
  withdraw(layer: Layer): Promise<void>;
}

/** Room for one layer while it is made. */
export interface LayerRoom<Layer extends FinishedLayer> {
  /** Where the job writes. */
  readonly target: LayerTarget;
  /** Number of kept bytes that the target holds already. */
  readonly kept: number;
  /** Checks the files that the job wrote and makes them read-only. @throws {VarveError} `E_SIZE` */
  take(output: LayerJobOutput, mediaType: string): Promise<Layer>;
  /** Removes the staged files; with `kept`, the kept bytes too. Does not throw. */
  remove(options: { readonly kept: boolean }): Promise<void>;
}

/**
 * The layers of one ingest, for any kind of store. It decides whether the ingest makes a layer,
 * waits for it, or takes it from another ingest that has finished it.
 *
 * A layer's names are locked only while it is made. A finished layer is offered to other ingests,
 * which can take it before it is committed. So no two ingests wait for each other's commit.
 */
export class LayerStaging<Layer extends FinishedLayer> {
  /** Layers that this ingest finished or took over, in the order of these events. */
  readonly finished: Layer[] = [];
  /** Every layer that was asked for. */
  readonly asked: Set<DiffId> = new Set();
  /** Layers whose tar is wanted as a blob. */
  readonly plain: Set<DiffId> = new Set();
  readonly #backend: LayerBackend<Layer>;
  readonly #making = new Set<() => Promise<void>>();
  #ended = false;

  /** Makes an empty staging area. */
  constructor(backend: LayerBackend<Layer>) {
    this.#backend = backend;
  }

  /** Number of layers that were begun, but neither finished nor given up. */
  get making(): number {
    return this.#making.size;
  }

  /** Begins a layer, or finds it. */
  async begin(key: LayerKey, options: LayerOptions): Promise<BegunLayer> {
    options.signal?.throwIfAborted();
    const unlock = await this.#backend.lock(lockNames(key), options.signal);
    try {
      // Before the look: what is found then stays.
      await this.#backend.hold(lockNames(key));
      const record = await this.#find(key, options);
      if (record === undefined) {
        return { state: "new", staged: await this.#stage(key, options, unlock) };
      }
      this.asked.add(record.diffId);
      if (key.digest === record.diffId) this.plain.add(record.diffId);
      await unlock();
      return { state: "present", record };
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Begins a layer without a known digest. */
  async beginNew(): Promise<StagedLayer> {
    return await this.#stage({}, {}, () => Promise.resolve());
  }

  /** Suspends every layer that is being made, and withdraws the offers. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const suspend of [...this.#making]) await suspend();
    for (const layer of this.finished) await this.#backend.withdraw(layer);
  }

  /**
   * Looks for a layer in the store, in this ingest, and among the offers of other ingests. The
   * caller holds the layer's locks.
   */
  async #find(
    key: LayerKey,
    { blob: wantsBlob = false, signal }: LayerOptions,
  ): Promise<LayerRecord | undefined> {
    for (let attempt = 0; attempt < MOVING_TRIES; attempt++) {
      signal?.throwIfAborted();
      this.#checkOpen();
      const committed = this.#backend.findCommitted(key, wantsBlob);
      if (committed !== undefined) return committed;
      const finished = await this.#findFinished(key, wantsBlob);
      if (finished === "none") return undefined;
      if (finished !== "moving") return provisionalRecord(finished);
      await new Promise((resolve) => setTimeout(resolve, MOVING_WAIT));
    }
    return undefined;
  }

  async #findFinished(key: LayerKey, wantsBlob: boolean): Promise<Layer | "moving" | "none"> {
    const fits = (layer: Layer) => isLayerOf(key, layer, wantsBlob);
    const own = this.finished.find(fits);
    if (own !== undefined) return own;
    for (const name of [key.digest, wantsBlob ? undefined : key.diffId]) {
      if (name === undefined) continue;
      const found = await this.#backend.adopt(name);
      if (found === "moving") return found;
      if (found === "none" || !fits(found)) continue;
      this.finished.push(found);
      return found;
    }
    return "none";
  }

  async #stage(
    key: LayerKey,
    { keep = false }: LayerOptions,
    unlock: () => Promise<void>,
  ): Promise<StagedLayer> {
    this.#checkOpen();
    const room = await this.#backend.open(keep ? key.digest : undefined);
    if (this.#ended) {
      // Nobody would free the lock of the layer.
      await room.remove({ kept: false });
      throw ingestEnded();
    }
    const end = async () => {
      this.#making.delete(suspend);
      await unlock();
    };
    const giveUp = async (options: { readonly kept: boolean }) => {
      if (!this.#making.has(suspend)) return;
      await room.remove(options);
      await end();
    };
    const suspend = () => giveUp({ kept: false });
    this.#making.add(suspend);
    return {
      target: room.target,
      kept: room.kept,
      finish: async (output, mediaType) => {
        if (!this.#making.has(suspend)) {
          throw new TypeError("Cannot finish layer: it was finished or given up");
        }
        checkOutput(key, output);
        const layer = await room.take(output, mediaType);
        await this.#backend.hold([layer.diffId, layer.digest]);
        this.#checkOpen();
        this.asked.add(layer.diffId);
        this.finished.push(layer);
        await this.#backend.offer(layer);
        await end();
      },
      discard: () => giveUp({ kept: true }),
      suspend,
    };
  }

  #checkOpen(): void {
    if (this.#ended) throw ingestEnded();
  }
}
