import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { type Descriptor, type ImageDocument, parseDocument } from "../oci/mod.ts";
import { documentLimits, type Store } from "../store/mod.ts";

/** What a manifest or an index of the store says of others. */
export interface Summary {
  /** What it is. */
  readonly descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  /** Of an index: what it names. */
  readonly children: readonly Descriptor[];
  /** Of a manifest: its config and layers. */
  readonly parts: readonly Descriptor[];
  /** The manifest that it refers to. */
  readonly subject: Digest | undefined;
  /** As a list of referrers tells it: of a manifest without one, the config's media type. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Summaries that are kept, and the bytes of a document up to which its summary is. */
const KEPT = 2048;
const KEPT_SIZE = 64 * 1024;

/** Reads documents of a store. What a digest names never changes, so small ones are read once. */
export class Documents {
  readonly #store: Store;
  readonly #kept = new Map<Digest, Summary>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** A document; `undefined` when it is not here or no document. */
  async get({ digest }: Pick<Descriptor, "digest">): Promise<Summary | undefined> {
    const known = this.#kept.get(digest);
    // Asked each time: gc may have taken it.
    const size = this.#store.blobs.stat(digest)?.size;
    if (known !== undefined && size !== undefined) return known;
    const limits = documentLimits(this.#store);
    const maxBytes = Math.max(limits.manifest, limits.index);
    if (size === undefined || size > maxBytes) return undefined;
    let summary: Summary;
    try {
      const bytes = await this.#store.blobs.read(digest, maxBytes);
      summary = summaryOf(parseDocument(bytes, { limits }), digest);
    } catch (error) {
      // Damaged, or a blob of another kind.
      if (error instanceof VarveError) return undefined;
      throw error;
    }
    if (size <= KEPT_SIZE) {
      const [oldest] = this.#kept.keys();
      if (this.#kept.size >= KEPT && oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.set(digest, summary);
    }
    return summary;
  }
}

/** What a document says of others. */
export function summaryOf(document: ImageDocument, digest: Digest): Summary {
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
