import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { type Descriptor, type ImageDocument, parseDocument } from "../oci/mod.ts";
import { documentLimits, type Store } from "../store/mod.ts";

/** The blobs and documents that a manifest or an index names. */
export interface DocumentSummary {
  /** The descriptor of the document itself. */
  readonly descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  /** Of an index: its manifests. */
  readonly children: readonly Descriptor[];
  /** Of a manifest: its config and layers. */
  readonly parts: readonly Descriptor[];
  /** The manifest that the document refers to. */
  readonly subject: Digest | undefined;
  /**
   * The artifact type, as a list of referrers shows it. For a manifest without an artifact type, it
   * is the media type of the config.
   */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Maximum number of summaries that are cached. */
const MAX_CACHED = 2048;
/** Size in bytes of the largest document whose summary is cached. */
const MAX_CACHED_SIZE = 64 * 1024;

/**
 * Reads summaries of a store's documents. Caches the summaries of small documents, because the
 * document of a digest never changes.
 */
export class DocumentReader {
  readonly #store: Store;
  readonly #cache = new Map<Digest, DocumentSummary>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * The summary of a document; `undefined` when the blob is not in the store, is damaged, or is not
   * a document.
   */
  async get({ digest }: Pick<Descriptor, "digest">): Promise<DocumentSummary | undefined> {
    const cached = this.#cache.get(digest);
    // Look the blob up each time, because gc may have removed it.
    const size = this.#store.blobs.stat(digest)?.size;
    if (cached !== undefined && size !== undefined) return cached;
    const limits = documentLimits(this.#store);
    const maxBytes = Math.max(limits.manifest, limits.index);
    if (size === undefined || size > maxBytes) return undefined;
    let summary: DocumentSummary;
    try {
      const bytes = await this.#store.blobs.read(digest, maxBytes);
      summary = summaryOf(parseDocument(bytes, { limits }), digest);
    } catch (error) {
      if (error instanceof VarveError) return undefined;
      throw error;
    }
    if (size <= MAX_CACHED_SIZE) {
      const [oldest] = this.#cache.keys();
      if (this.#cache.size >= MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest);
      this.#cache.set(digest, summary);
    }
    return summary;
  }
}

function summaryOf(document: ImageDocument, digest: Digest): DocumentSummary {
  const { mediaType, raw, annotations, artifactType, subject } = document;
  const isIndex = document.kind === "index";
  return {
    descriptor: { mediaType, digest, size: raw.length },
    children: isIndex ? document.manifests : [],
    parts: isIndex ? [] : [document.config, ...document.layers],
    subject: subject?.digest,
    artifactType: artifactType ?? (isIndex ? undefined : document.config.mediaType),
    annotations,
  };
}
