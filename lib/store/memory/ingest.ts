import {
  algorithmOf,
  createHasher,
  type DiffId,
  type Digest,
  sha256,
  Verifier,
} from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Descriptor } from "../../oci/mod.ts";
import type {
  BegunLayer,
  Blobs,
  Chains,
  Images,
  Ingest,
  IngestResult,
  LayerKey,
  LayerOptions,
  LayerRecord,
} from "../contract.ts";
import {
  checkName,
  keptTarget,
  lockNames,
  namelessImage,
  notFound,
  PLAIN_LAYER,
} from "../rules.ts";
import { checkOutput, isLayerOf } from "../staging_rules.ts";
import { memoryBlob } from "./content.ts";
import type { KeyedLocks } from "./locks.ts";
import { hasBlob, type MemoryBlob, type MemoryState, type Offer } from "./state.ts";

/** What an ingest needs of its store. */
export interface MemoryParts {
  readonly state: MemoryState;
  readonly locks: KeyedLocks;
  readonly blobs: Blobs;
  readonly chains: Chains;
  readonly images: Images;
}

/** An ingest into a memory store: all is kept aside until one synchronous commit. */
export class MemoryIngest implements Ingest {
  readonly #parts: MemoryParts;
  readonly #state: MemoryState;
  readonly #blobs = new Map<Digest, MemoryBlob>();
  readonly #made: Offer[] = [];
  readonly #asked: DiffId[] = [];
  readonly #plain = new Set<DiffId>();
  readonly #images: { name: string | null; target: Descriptor }[] = [];
  readonly #chains: (readonly DiffId[])[] = [];
  readonly #making = new Set<() => void>();
  #open = true;

  /** Begins an ingest. */
  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#state = parts.state;
  }

  async layer(key: LayerKey, options: LayerOptions = {}): Promise<BegunLayer> {
    this.#check();
    options.signal?.throwIfAborted();
    const free = await this.#parts.locks.acquire(lockNames(key), options.signal);
    try {
      this.#check();
      const present = this.#present(key, options.blob === true);
      if (present !== undefined) {
        free();
        return { state: "present", record: present };
      }
    } catch (error) {
      free();
      throw error;
    }
    this.#making.add(free);
    const end = () => {
      this.#making.delete(free);
      free();
    };
    let done = false;
    return {
      state: "new",
      staged: {
        target: { kind: "memory" },
        finish: (output, mediaType) =>
          Promise.try(() => {
            if (done) throw new TypeError("Cannot finish layer: it was finished or discarded");
            this.#check();
            checkOutput(key, output);
            if (output.memory === undefined) {
              throw new TypeError("Cannot finish layer: its output is not in memory");
            }
            const { tar, tree, blob } = output.memory;
            const { digest, diffId, treeDigest, entries } = output;
            const cacheId = this.#state.layers.get(diffId)?.record.cacheId ?? 0;
            const record: LayerRecord = {
              diffId,
              size: tar.length,
              cacheId,
              treeDigest,
              entries,
              verifiedAt: Date.now(),
            };
            const bytes = blob ?? (output.compression === "none" ? tar : null);
            const offer: Offer = {
              record,
              tar,
              tree,
              digest,
              blob: bytes === null
                ? null
                : { record: { digest, size: bytes.length, mediaType }, bytes },
            };
            this.#take(offer);
            this.#state.offers.set(diffId, offer).set(digest, offer);
            done = true;
            end();
          }),
        discard: () =>
          Promise.try(() => {
            if (done) return;
            done = true;
            end();
          }),
      },
    };
  }

  blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    return Promise.try(() => {
      this.#check();
      const digest = expected === undefined ? sha256(bytes) : expected.digest as Digest;
      if (expected !== undefined) {
        const verifier = new Verifier({ digest, size: expected.size });
        verifier.update(bytes);
        verifier.finish();
      }
      this.#blobs.set(digest, memoryBlob(bytes, mediaType, digest));
      return { mediaType, digest, size: bytes.length };
    });
  }

  async blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    this.#check();
    const pieces: BlobPart[] = [];
    const digest = expected?.digest as Digest | undefined;
    const verifier = digest === undefined
      ? undefined
      : new Verifier({ digest, size: expected?.size ?? 0 });
    const hasher = createHasher(digest === undefined ? "sha256" : algorithmOf(digest));
    for await (const piece of bytes) {
      verifier?.update(piece);
      if (verifier === undefined) hasher.update(piece);
      pieces.push(piece.slice());
    }
    verifier?.finish();
    const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
    this.#check();
    const blob = memoryBlob(whole, mediaType, digest ?? hasher.digest());
    this.#blobs.set(blob.record.digest, blob);
    return { mediaType, digest: blob.record.digest, size: whole.length };
  }

  image(name: string | null, target: Descriptor): void {
    this.#check();
    if (name !== null) checkName("image name", name);
    this.#images.push({ name, target: keptTarget(target) });
  }

  chain(diffIds: readonly DiffId[]): void {
    this.#check();
    if (diffIds.length > 0) this.#chains.push([...diffIds]);
  }

  commit(): Promise<IngestResult> {
    return Promise.try(() => {
      this.#check();
      if (this.#making.size > 0) {
        throw new VarveError("E_PRECONDITION", "Cannot commit: a layer is still being made");
      }
      this.#judge();
      const result = this.#apply();
      this.#close();
      return result;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  /** All reasons to fail, before anything changes. */
  #judge(): void {
    const layers = new Set([
      ...this.#state.layers.keys(),
      ...this.#made.map((m) => m.record.diffId),
    ]);
    for (const diffId of this.#chains.flat()) {
      if (layers.has(diffId)) continue;
      throw new VarveError("E_PRECONDITION", `Cannot note a chain: layer ${diffId} is not here`, {
        subject: diffId,
      });
    }
    const made = new Set(this.#made.map((m) => m.digest));
    for (const { target } of this.#images) {
      const digest = target.digest as Digest;
      if (this.#blobs.has(digest) || this.#state.blobs.has(digest) || made.has(digest)) continue;
      throw notFound("blob", digest);
    }
  }

  #apply(): IngestResult {
    const state = this.#state;
    for (const offer of this.#made) {
      const { diffId } = offer.record;
      if (!state.layers.has(diffId)) {
        const record = { ...offer.record, cacheId: state.nextCacheId() };
        state.layers.set(diffId, { record, tar: offer.tar, tree: offer.tree });
      }
      state.proved.set(offer.digest, diffId);
      if (offer.blob !== null) this.#blobs.set(offer.digest, offer.blob);
    }
    for (const diffId of this.#plain) {
      const tar = state.layers.get(diffId)?.tar;
      if (tar === undefined || this.#blobs.has(diffId)) continue;
      const record = { digest: diffId, size: tar.length, mediaType: PLAIN_LAYER };
      this.#blobs.set(diffId, { record, bytes: tar });
      state.proved.set(diffId, diffId);
    }
    for (const [digest, blob] of this.#blobs) {
      if (!state.blobs.has(digest)) state.blobs.set(digest, blob);
    }
    for (const diffIds of this.#chains) this.#parts.chains.ensure(diffIds);
    const images = this.#images.map(({ name, target }) =>
      this.#parts.images.set(name ?? namelessImage(target.digest as Digest), target)
    );
    const layers = [...new Set(this.#asked)].map((id) =>
      state.layers.get(id)?.record as LayerRecord
    );
    return { images, layers };
  }

  #present(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    const record = this.#state.find(key);
    if (record !== undefined) {
      if (wantsBlob && !hasBlob(this.#state, key, record)) return this.#adopt(key, true);
      if (key.digest === record.diffId) {
        this.#plain.add(record.diffId);
      }
      this.#asked.push(record.diffId);
      return record;
    }
    return this.#adopt(key, wantsBlob);
  }

  /** Takes what another ingest has finished. */
  #adopt(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    for (const name of lockNames(key)) {
      const offer = this.#state.offers.get(name);
      if (offer === undefined) continue;
      if (!isLayerOf(key, { digest: offer.digest, diffId: offer.record.diffId }, wantsBlob)) {
        continue;
      }
      this.#take(offer);
      return offer.record;
    }
    return undefined;
  }

  #take(offer: Offer): void {
    if (!this.#made.includes(offer)) this.#made.push(offer);
    this.#asked.push(offer.record.diffId);
  }

  #check(): void {
    if (this.#state.closed) {
      throw new VarveError("E_PRECONDITION", "Cannot ingest: store is closed");
    }
    if (!this.#open) throw new VarveError("E_PRECONDITION", "Cannot ingest: it is done with");
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const free of [...this.#making]) free();
    this.#making.clear();
    for (const offer of this.#made) {
      for (const name of [offer.digest, offer.record.diffId] as Digest[]) {
        if (this.#state.offers.get(name) === offer) this.#state.offers.delete(name);
      }
    }
  }
}
