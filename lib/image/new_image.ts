import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainIds, type Warning } from "../layer/mod.ts";
import {
  checkOciLimit,
  type Descriptor,
  encodeManifest,
  formatReference,
  type ImageConfig,
  MEDIA_TYPES,
  ociLayer,
  type OciLimits,
  parseReference,
} from "../oci/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import {
  documentLimits,
  findImage,
  type Ingest,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import type { LoadedImage, LoadedLayer } from "./contract.ts";
import type { NewImageOptions } from "./new_image_options.ts";

/** A layer of an image that is being made: staged, or here already. */
export interface NewLayer {
  /** The blob, as the manifest will name it. */
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  readonly uncompressedSize: number;
  /** Whether its bytes were processed now. */
  readonly processed: boolean;
  readonly warnings: readonly Warning[];
}

/** What a new image is made of beside its layers. */
export interface NewImageDocuments {
  readonly config: ImageConfig;
  /** Annotations of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An image that is being made; disposed without `commit`, nothing is left of it. */
export class NewImage implements AsyncDisposable {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly options: NewImageOptions;
  /** What its documents may hold: those of the store's settings, under which it will be read. */
  readonly limits: OciLimits;
  readonly signal: AbortSignal;
  readonly #name: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    store: Store,
    options: NewImageOptions,
    name: string,
    ingest: Ingest,
    pool: Pool,
    stack: AsyncDisposableStack,
  ) {
    this.store = store;
    this.options = options;
    this.limits = documentLimits(store);
    this.signal = options.signal ?? new AbortController().signal;
    this.ingest = ingest;
    this.pool = pool;
    this.#name = name;
    this.#stack = stack;
  }

  /** Begins an image. @throws {VarveError} `E_USAGE` for a name that is none, or has a digest */
  static async begin(store: Store, options: NewImageOptions): Promise<NewImage> {
    const name = newName(options.name);
    options.signal?.throwIfAborted();
    await using stack = new AsyncDisposableStack();
    const pool = options.pool ?? stack.use(createPool());
    const ingest = stack.use(await store.ingest());
    return new NewImage(store, options, name, ingest, pool, stack.move());
  }

  /** The image that a reference means. @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` */
  async read(reference: string): Promise<StoredImage> {
    return await readStored(this.store, reference, this.options);
  }

  /** Takes the layers of an image, in OCI's words. @throws {VarveError} `E_DAMAGE` when one is not whole */
  async take(layers: StoredImage["layers"]): Promise<NewLayer[]> {
    const out: NewLayer[] = [];
    for (const { descriptor, diffId } of layers) {
      const begun = await this.ingest.layer({ diffId }, { signal: this.signal });
      if (begun.state === "new") {
        await begun.staged.discard();
        throw new VarveError(
          "E_DAMAGE",
          `Cannot use layer ${diffId}: it is not whole here`,
          { subject: diffId, hint: "load its image again" },
        );
      }
      const { size } = begun.record;
      out.push({
        descriptor: ociLayer(descriptor),
        diffId,
        uncompressedSize: size,
        processed: false,
        warnings: [],
      });
    }
    return out;
  }

  /** Makes it visible. @throws {VarveError} `E_LIMIT` when its manifest could not be read again */
  async commit(
    layers: readonly NewLayer[],
    { config, annotations }: NewImageDocuments,
  ): Promise<LoadedImage> {
    const { ingest } = this;
    const configBlob = await ingest.blob(config.raw, MEDIA_TYPES.config);
    const manifest = encodeManifest({
      config: configBlob,
      layers: layers.map(({ descriptor }) => descriptor),
      annotations,
    });
    checkOciLimit("manifest", this.limits.manifest, manifest.length);
    const target = await ingest.blob(manifest, MEDIA_TYPES.manifest);
    ingest.chain(layers.map(({ diffId }) => diffId));
    ingest.image(this.#name, target);
    this.signal.throwIfAborted();
    const result = await ingest.commit();
    const chains = chainIds(layers.map(({ diffId }) => diffId));
    const cacheIds = new Map(result.layers.map(({ diffId, cacheId }) => [diffId, cacheId]));
    return {
      names: [this.#name],
      imageId: configBlob.digest,
      manifest: target.digest,
      chainId: chains.at(-1) ?? null,
      layers: layers.map(({ descriptor: { digest, size }, ...layer }, i): LoadedLayer => ({
        digest,
        diffId: layer.diffId,
        chainId: chains[i] as typeof chains[number],
        size,
        uncompressedSize: layer.uncompressedSize,
        cacheId: cacheIds.get(layer.diffId) ?? 0,
        processed: layer.processed,
        warnings: layer.warnings,
      })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** An image of the store, for the machine that the options tell. @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` */
export async function readStored(
  store: Store,
  reference: string,
  { host }: Pick<NewImageOptions, "host">,
): Promise<StoredImage> {
  const record = await findImage(store, reference);
  return await readImage(store, record, { platform: host });
}

function newName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return formatReference(reference);
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${text}: a digest cannot be given away, name a tag`,
    { subject: text },
  );
}
