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
  Chains,
  Images,
  Ingest,
  IngestResult,
  LayerKey,
  LayerOptions,
  SpareOptions,
  StagedLayer,
} from "../contract.ts";
import { checkName, keptTarget, type NamedTarget } from "../rules.ts";
import { commitPlan } from "./commit.ts";
import { memoryBlob } from "./content.ts";
import { MemoryLayerStaging } from "./layer_staging.ts";
import type { KeyedLocks } from "./locks.ts";
import type { MemoryBlob, MemoryState } from "./state.ts";

/** What an ingest needs of its store. */
export interface MemoryParts {
  readonly state: MemoryState;
  readonly locks: KeyedLocks;
  readonly chains: Chains;
  readonly images: Images;
}

/** An ingest into a memory store: all is kept aside until one synchronous commit. */
export class MemoryIngest implements Ingest {
  readonly #parts: MemoryParts;
  readonly #layers: MemoryLayerStaging;
  readonly #blobs = new Map<Digest, MemoryBlob>();
  readonly #images: NamedTarget[] = [];
  readonly #chains: (readonly DiffId[])[] = [];
  #open = true;

  /** Begins an ingest. */
  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#layers = new MemoryLayerStaging(parts.state, parts.locks);
  }

  async layer(key: LayerKey, options: LayerOptions = {}): Promise<BegunLayer> {
    this.#check();
    return await this.#layers.begin(key, options);
  }

  newLayer(): Promise<StagedLayer> {
    return Promise.try(() => {
      this.#check();
      return this.#layers.beginNew();
    });
  }

  blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    return Promise.try(() => {
      this.#check();
      if (expected !== undefined) {
        const verifier = new Verifier(expected);
        verifier.update(bytes);
        verifier.finish();
      }
      const digest = expected?.digest ?? sha256(bytes);
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
    const verifier = expected === undefined ? undefined : new Verifier(expected);
    const hasher = createHasher(expected === undefined ? "sha256" : algorithmOf(expected.digest));
    for await (const piece of bytes) {
      if (verifier === undefined) hasher.update(piece);
      else verifier.update(piece);
      pieces.push(piece.slice());
    }
    verifier?.finish();
    const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
    this.#check();
    const digest = expected?.digest ?? hasher.digest();
    this.#blobs.set(digest, memoryBlob(whole, mediaType, digest));
    return { mediaType, digest, size: whole.length };
  }

  image(name: string | null, target: Descriptor, options: SpareOptions = {}): void {
    this.#check();
    if (name !== null) checkName("image name", name);
    this.#images.push({ ...options, name, target: keptTarget(target) });
  }

  chain(diffIds: readonly DiffId[]): void {
    this.#check();
    if (diffIds.length > 0) this.#chains.push([...diffIds]);
  }

  commit(): Promise<IngestResult> {
    return Promise.try(() => {
      this.#check();
      if (this.#layers.making > 0) {
        throw new VarveError("E_PRECONDITION", "Cannot commit: a layer is still being made");
      }
      try {
        const { made, asked, plain } = this.#layers;
        const plan = {
          made,
          asked,
          plain,
          blobs: this.#blobs,
          images: this.#images,
          chains: this.#chains,
        };
        return commitPlan(this.#parts.state, plan, this.#parts);
      } finally {
        this.#close();
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #check(): void {
    if (this.#parts.state.closed) {
      throw new VarveError("E_PRECONDITION", "Cannot ingest: the store is closed");
    }
    if (!this.#open) throw new VarveError("E_PRECONDITION", "Cannot ingest: it is done with");
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#layers.end();
  }
}
