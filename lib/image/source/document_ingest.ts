import { escapeText } from "../../bytes/mod.ts";
import type { Compression } from "../../codec/compress/mod.ts";
import { createHasher, type DiffId, type Digest, equalDigests } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { layerMediaType, type OciLimits } from "../../oci/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import { namelessImage } from "../../store/internal.ts";
import type { Ingest, Store } from "../../store/mod.ts";
import { digestOfContent } from "../content.ts";
import type {
  ImageIngest,
  ImageSource,
  IngestedLayer,
  KnownBlob,
  LayerContent,
  LayerIngest,
  WantedLayer,
} from "../contract.ts";
import { stageDescribed } from "../stage/stage_documents.ts";
import { stageMade } from "../stage/stage_made.ts";

/** Options of {@linkcode ingestDocuments}. */
export interface DocumentIngestOptions {
  /** For sources that run jobs. No job of a layer is run. */
  readonly pool: Pool;
  /** Limits for documents. */
  readonly documents: OciLimits;
  readonly signal: AbortSignal;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Adds the documents of the one image of a source to a store, without its layers: what its manifest and its config say
 * can be read then. The documents are verified, and the layers are not read, unless their digests are known only from
 * their bytes.
 *
 * @returns a name of the image in the store
 */
export async function ingestDocuments(
  store: Store,
  source: ImageSource,
  { pool, documents: limits, signal, onWarning }: DocumentIngestOptions,
): Promise<string> {
  await using ingest = await store.ingest();
  const context: ImageIngest = {
    store,
    ingest,
    pool,
    layers: new UnreadLayers(signal),
    limits,
    signal,
    warn: (message) => onWarning?.(escapeText(message)),
  };
  const [image] = await source.images(context);
  if (image === undefined) throw new Error("a source has no image");
  const { names, target } = image.kind === "made"
    ? await stageMade(context, image)
    : await stageDescribed(context, image, source.label, signal);
  return await commitNames(ingest, names, target);
}

async function commitNames(
  ingest: Ingest,
  names: readonly string[],
  target: Parameters<Ingest["image"]>[1],
): Promise<string> {
  for (const name of names.length === 0 ? [null] : names) ingest.image(name, target);
  await ingest.commit();
  return names[0] ?? namelessImage(target.digest);
}

/** Takes the word of the documents for all that they say of layers. */
class UnreadLayers implements LayerIngest {
  readonly atOnce = 1;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  announce(): void {}

  judgeEarly(): void {}

  async bring(wanted: WantedLayer, content: LayerContent): Promise<IngestedLayer> {
    const { digest, size } = await this.#blobOf(wanted, content);
    const compression = content.kind === "known" ? content.compression : wanted.compression;
    return {
      digest,
      size,
      mediaType: wanted.mediaType ?? layerMediaType(compression ?? "none"),
      diffId: wanted.diffId as DiffId,
      uncompressedSize: 0,
      processed: false,
      warnings: [],
    };
  }

  async #blobOf(
    { digest, size }: WantedLayer,
    content: LayerContent,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    if (content.kind === "known") return content;
    const known = content.kind === "file" ? content.length : "size" in content ? content.size : 0;
    if (digest !== undefined) return { digest, size: size ?? known };
    if (content.kind === "job") throw new Error("a layer to be made has no digest");
    return { digest: await digestOfContent(content, this.#signal), size: known };
  }

  async early(
    label: string,
    bytes: AsyncIterable<Uint8Array>,
    claimed: {
      readonly size: number;
      readonly digest?: Digest | undefined;
      readonly compression: Compression;
    },
  ): Promise<KnownBlob> {
    const hasher = createHasher("sha256");
    for await (const chunk of bytes) hasher.update(chunk);
    const digest = hasher.digest();
    if (claimed.digest !== undefined && !equalDigests(claimed.digest, digest)) {
      throw new VarveError("E_DIGEST", `Cannot load layer ${label}: its digest differs`, {
        expected: claimed.digest,
        actual: digest,
        subject: label,
      });
    }
    return { kind: "known", digest, size: claimed.size, compression: claimed.compression };
  }

  create(): Promise<never> {
    return Promise.reject(new Error("documents make no layer"));
  }

  take(): Promise<never> {
    return Promise.reject(new Error("documents take no layer"));
  }
}
