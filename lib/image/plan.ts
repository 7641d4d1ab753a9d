import type { Digest } from "../digest/mod.ts";
import type { VarveError } from "../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  type ImageDocument,
  isNondistributable,
  mediaTypeInfo,
  type OciLimits,
  parseDocument,
} from "../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../store/mod.ts";

/** A manifest or an index of an image. */
export interface PlannedDocument {
  /** Digest of its bytes, `document.raw`. */
  readonly digest: Digest;
  readonly document: ImageDocument;
}

/** All parts of an image, each once. */
export interface ImagePlan {
  /** Manifests and indexes. Each comes before the index that names it, and the target of the image is last. */
  readonly documents: readonly PlannedDocument[];
  /** Descriptors of configs and layers. */
  readonly blobs: readonly Descriptor[];
}

/** Descriptor of the target of a plan. */
export function targetOf({ documents }: ImagePlan): Descriptor {
  const { digest, document } = documents.at(-1) as PlannedDocument;
  return { mediaType: document.mediaType, digest, size: document.raw.length };
}

/** Options of {@linkcode planImage}. */
export interface PlanOptions {
  /** How deep indexes may be nested, and how many manifests they may name in all. */
  readonly limits: Pick<OciLimits, "indexDepth" | "manifests">;
  /** Reads a document that an index names. */
  readonly read: (child: Descriptor) => Promise<ImageDocument>;
  /** Called with each config and layer. It throws to refuse the image before anything is sent. */
  readonly check?: ((part: Descriptor) => void) | undefined;
  /** When given, nondistributable layers are left out, with a warning. */
  readonly distributable?: { warn(message: string): void } | undefined;
}

/**
 * Lists all parts of an image. For an index, it lists the parts of all platforms.
 *
 * @throws {VarveError} `E_LIMIT` when the indexes are nested too deep or name too many manifests; what `read` and
 * `check` throw
 */
export async function planImage(root: PlannedDocument, options: PlanOptions): Promise<ImagePlan> {
  const { limits, read, check, distributable } = options;
  const documents: PlannedDocument[] = [];
  const seen = new Set<Digest>();
  const blobs = new Map<Digest, Descriptor>();
  let named = 0;
  /** `depth` is 1 for the target, 2 for the documents that it names, and so on. */
  const visit = async ({ digest, document }: PlannedDocument, depth: number): Promise<void> => {
    if (document.kind === "index") {
      checkOciLimit("indexDepth", limits.indexDepth, depth);
      named += document.manifests.length;
      checkOciLimit("manifests", limits.manifests, named);
      for (const child of document.manifests) {
        if (seen.has(child.digest)) continue;
        seen.add(child.digest);
        await visit({ digest: child.digest, document: await read(child) }, depth + 1);
      }
    } else {
      for (const part of [document.config, ...document.layers]) {
        if (blobs.has(part.digest)) continue;
        if (distributable !== undefined && isForeign(part)) {
          distributable.warn(`layer ${part.digest} is nondistributable and was not sent`);
          continue;
        }
        check?.(part);
        blobs.set(part.digest, part);
      }
    }
    documents.push({ digest, document });
  };
  seen.add(root.digest);
  await visit(root, 1);
  return { documents, blobs: [...blobs.values()] };
}

function isForeign({ mediaType }: Descriptor): boolean {
  return mediaTypeInfo(mediaType)?.role === "layer" && isNondistributable(mediaType);
}

/** Options of {@linkcode planStored}. */
export interface StoredPlanOptions extends Pick<PlanOptions, "distributable"> {
  /**
   * Makes the error for a part that is not in the store. A document can be missing because the store may have only some
   * platforms of an index.
   */
  readonly absent: (part: Descriptor, role: "document" | "blob") => VarveError;
}

/**
 * Lists all parts of an image of the store.
 *
 * @throws {VarveError} the error that `absent` makes; `E_LIMIT`, `E_DAMAGE`
 */
export async function planStored(
  store: Store,
  { target }: ImageRecord,
  { absent, distributable }: StoredPlanOptions,
): Promise<ImagePlan> {
  const limits = documentLimits(store);
  const maxBytes = Math.max(limits.manifest, limits.index);
  const read = async (child: Descriptor): Promise<ImageDocument> => {
    const { digest, mediaType } = child;
    if (store.blobs.stat(digest) === undefined) throw absent(child, "document");
    // The target of an image and the children of an index are always documents, even if their media type is unknown
    // here.
    return parseDocument(await store.blobs.read(digest, maxBytes), { mediaType, limits });
  };
  return await planImage({ digest: target.digest, document: await read(target) }, {
    limits,
    read,
    check: (part) => {
      if (store.blobs.stat(part.digest) === undefined) throw absent(part, "blob");
    },
    distributable,
  });
}
