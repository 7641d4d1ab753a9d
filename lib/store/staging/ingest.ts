import type { DiffId, Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Descriptor } from "../../oci/mod.ts";
import type {
  BegunLayer,
  Ingest,
  IngestResult,
  LayerKey,
  LayerOptions,
  NameOptions,
  StagedLayer,
} from "../contract.ts";
import { checkImageName, keptTarget, type NamedTarget } from "../rules.ts";
import { type BlobIdentity, hashPieces } from "./hash_pieces.ts";
import { ingestEnded } from "./ingest_errors.ts";
import { type LayerBackend, LayerStaging } from "./layer_staging.ts";
import type { FinishedLayer, IngestPlan, StagedBlob } from "./staged.ts";

/** Stages blobs for one kind of store. `Place` says where the bytes of a blob are. */
export interface BlobBackend<Place> {
  /** Writes a new blob. When `pieces` throws, it leaves no bytes behind. */
  write(pieces: AsyncIterable<Uint8Array>): Promise<Place>;
  /** Removes a blob that is not needed; does not throw. */
  remove(place: Place): Promise<void>;
}

/** The part of an ingest that differs between kinds of stores. */
export interface IngestBackend<Layer extends FinishedLayer, Place> {
  readonly layers: LayerBackend<Layer>;
  readonly blobs: BlobBackend<Place>;
  /** Makes a whole plan visible. If it throws, nothing becomes visible. */
  commit(plan: IngestPlan<Layer, StagedBlob & Place>): Promise<IngestResult>;
  /** Removes everything that is staged; does not throw. */
  end(): Promise<void>;
}

/** An ingest into any kind of store. It checks its input and collects the plan of the commit. */
export class StagingIngest<Layer extends FinishedLayer, Place> implements Ingest {
  readonly #backend: IngestBackend<Layer, Place>;
  readonly #layers: LayerStaging<Layer>;
  readonly #blobs = new Map<Digest, StagedBlob & Place>();
  readonly #images: NamedTarget[] = [];
  readonly #chains: (readonly DiffId[])[] = [];
  #open = true;

  /** Begins an ingest. */
  constructor(backend: IngestBackend<Layer, Place>) {
    this.#backend = backend;
    this.#layers = new LayerStaging(backend.layers);
  }

  async layer(key: LayerKey, options: LayerOptions = {}): Promise<BegunLayer> {
    this.#checkOpen();
    return await this.#layers.begin(key, options);
  }

  async newLayer(): Promise<StagedLayer> {
    this.#checkOpen();
    return await this.#layers.beginNew();
  }

  blob(bytes: Uint8Array, mediaType: string, expected?: BlobIdentity): Promise<Descriptor> {
    return this.#stage([bytes], mediaType, expected);
  }

  blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: BlobIdentity,
  ): Promise<Descriptor> {
    return this.#stage(bytes, mediaType, expected);
  }

  async hold(digests: readonly Digest[]): Promise<void> {
    this.#checkOpen();
    await this.#backend.layers.hold(digests);
  }

  image(name: string | null, target: Descriptor, options: NameOptions = {}): void {
    this.#checkOpen();
    if (name !== null) checkImageName(name);
    this.#images.push({ ...options, name, target: keptTarget(target) });
  }

  chain(diffIds: readonly DiffId[]): void {
    this.#checkOpen();
    if (diffIds.length > 0) this.#chains.push([...diffIds]);
  }

  async commit(): Promise<IngestResult> {
    this.#checkOpen();
    if (this.#layers.making > 0) {
      throw new VarveError("E_PRECONDITION", "Cannot commit: a layer is still being made");
    }
    this.#open = false;
    try {
      return await this.#backend.commit({
        layers: this.#layers.finished,
        blobs: [...this.#blobs.values()],
        plain: this.#layers.plain,
        asked: this.#layers.asked,
        images: this.#images,
        chains: this.#chains,
      });
    } finally {
      await this.#end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#end();
  }

  async #stage(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    mediaType: string,
    expected: BlobIdentity | undefined,
  ): Promise<Descriptor> {
    this.#checkOpen();
    const { blobs } = this.#backend;
    let identity = expected as BlobIdentity;
    const place = await blobs.write(hashPieces(pieces, expected, (found) => identity = found));
    const { digest, size } = identity;
    if (!this.#open || this.#blobs.has(digest)) await blobs.remove(place);
    else this.#blobs.set(digest, { digest, size, mediaType, ...place });
    this.#checkOpen();
    return { mediaType, digest, size };
  }

  async #end(): Promise<void> {
    await this.#layers.end();
    await this.#backend.end();
  }

  #checkOpen(): void {
    if (!this.#open) throw ingestEnded();
  }
}
