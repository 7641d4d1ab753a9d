import { escapeText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import { layerRules } from "../layer_job/internal.ts";
import { checkOciLimit, mediaTypeInfo, type OciLimits, type Platform } from "../oci/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import type { Ingest, Store } from "../store/mod.ts";
import type { ImageIngest, ImageSource, SourceImage, StagedImage } from "./contract.ts";
import { StoreLayerIngest } from "./layer_ingest.ts";
import type { LoadProgress } from "./load_options.ts";
import { type LoadedImage, loadedImage } from "./loaded_image.ts";
import { IMAGES_AT_ONCE, stageDescribed } from "./stage/stage_documents.ts";
import { stageLost } from "./stage/stage_lost.ts";
import { stageMade } from "./stage/stage_made.ts";

/** Options of {@linkcode ingestImages}. */
export interface IngestOptions extends LayerRules {
  /** Runs the layer jobs. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Limits for documents. */
  readonly documents: OciLimits;
  /**
   * The platform that the user asked for. If an image is an index, the store records this platform with each of the
   * image's names, and the result describes the image for this platform.
   */
  readonly platform?: Platform | undefined;
  /**
   * The preferred platform when `platform` is absent and an index has several: the result describes the image for this
   * platform.
   */
  readonly host?: Platform | undefined;
  /** Verb for messages: "load", "pull". */
  readonly verb: string;
  /** Number of layers of one image to work on at the same time. When absent, enough to keep the pool busy. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Adds the images of a source to a store. Every byte is verified. All images become visible together at the end, or not
 * at all.
 *
 * @throws {VarveError} `E_NAME_CLASH` when two images have the same name · all errors of the source and of the layer
 * jobs
 */
export async function ingestImages(
  store: Store,
  source: ImageSource,
  options: IngestOptions,
): Promise<LoadedImage[]> {
  await using ingest = await StoreImageIngest.begin(store, source.label, options);
  const images = await source.images(ingest);
  const staged = await boundedParallel(images, (image, signal) => ingest.stage(image, signal), {
    limit: IMAGES_AT_ONCE,
    signal: options.signal,
  });
  return await ingest.commit(staged);
}

/**
 * Adds those documents, layers and blobs of a source to a store that the store has lost, but no names. Every byte is
 * verified. All of it becomes visible together at the end, or not at all.
 *
 * @param lost digests of documents and blobs, and diffIDs of layers
 * @throws {VarveError} the source cannot be read; what is wrong with a part of it is only warned of
 */
export async function ingestContent(
  store: Store,
  source: ImageSource,
  options: IngestOptions,
  lost: ReadonlySet<string>,
): Promise<void> {
  await using ingest = await StoreImageIngest.begin(store, source.label, options);
  for (const image of await source.images(ingest)) await stageLost(ingest, image, lost);
  await ingest.commitContent();
}

class StoreImageIngest implements ImageIngest {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly layers: StoreLayerIngest;
  readonly limits: OciLimits;
  readonly signal: AbortSignal;
  readonly #label: string;
  readonly #options: IngestOptions;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    store: Store,
    label: string,
    options: IngestOptions,
    { ingest, pool, owned }: {
      readonly ingest: Ingest;
      readonly pool: Pool;
      readonly owned: AsyncDisposableStack;
    },
  ) {
    this.store = store;
    this.ingest = ingest;
    this.pool = pool;
    this.limits = options.documents;
    this.signal = options.signal ?? new AbortController().signal;
    this.layers = new StoreLayerIngest({
      ...layerRules(options),
      store,
      ingest,
      pool,
      signal: this.signal,
      verb: options.verb,
      concurrency: options.concurrency,
      onProgress: options.onProgress,
    });
    this.#label = label;
    this.#options = options;
    this.#owned = owned;
  }

  static async begin(
    store: Store,
    label: string,
    options: IngestOptions,
  ): Promise<StoreImageIngest> {
    options.signal?.throwIfAborted();
    await using owned = new AsyncDisposableStack();
    const pool = options.pool ?? owned.use(createPool());
    const ingest = owned.use(await store.ingest());
    return new StoreImageIngest(store, label, options, { ingest, pool, owned: owned.move() });
  }

  warn(message: string): void {
    this.#options.onWarning?.(escapeText(message));
  }

  async stage(image: SourceImage, signal: AbortSignal = this.signal): Promise<StagedImage> {
    return image.kind === "made"
      ? await stageMade(this, image)
      : await stageDescribed(this, image, this.#label, signal);
  }

  async commit(images: readonly StagedImage[]): Promise<LoadedImage[]> {
    const names = images.reduce((count, image) => count + image.names.length, 0);
    checkOciLimit("names", this.limits.names, names);
    refuseClash(images);
    await this.layers.discardUnclaimed();
    for (const { names, target, manifests } of images) {
      for (const { layers } of manifests) this.ingest.chain(layers.map(({ diffId }) => diffId));
      const isIndex = mediaTypeInfo(target.mediaType)?.role === "index";
      const platform = isIndex ? this.#options.platform : undefined;
      if (names.length === 0) this.ingest.image(null, target, { platform });
      for (const name of names) this.ingest.image(name, target, { platform });
    }
    this.signal.throwIfAborted();
    const result = await this.ingest.commit();
    const { platform, host } = this.#options;
    return images.map((image) => loadedImage(image, result, platform ?? host));
  }

  /** Commits everything that is staged, without names. */
  async commitContent(): Promise<void> {
    await this.layers.discardUnclaimed();
    this.signal.throwIfAborted();
    await this.ingest.commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Refuses two images with the same name. @throws {VarveError} `E_NAME_CLASH` */
function refuseClash(images: readonly StagedImage[]): void {
  const taken = new Map<string, string>();
  for (const { names, target } of images) {
    for (const name of names) {
      const other = taken.get(name);
      if (other !== undefined && other !== target.digest) {
        throw new VarveError(
          "E_NAME_CLASH",
          `Cannot load ${name}: the archive gives this name to two images`,
          { subject: name, expected: other, actual: target.digest },
        );
      }
      taken.set(name, target.digest);
    }
  }
}
