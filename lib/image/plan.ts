import type { Digest } from "../digest/mod.ts";
import {
  checkOciLimit,
  type Descriptor,
  type ImageDocument,
  isNondistributable,
  mediaTypeInfo,
  type OciLimits,
} from "../oci/mod.ts";

/** A manifest or an index of an image. */
export interface PlannedDocument {
  /** Its digest. */
  readonly digest: Digest;
  /** It itself. */
  readonly document: ImageDocument;
}

/** All that makes up an image. */
export interface ImagePlan {
  /** Manifests and indexes, children before what names them: the image itself is last. */
  readonly documents: readonly PlannedDocument[];
  /** Configs and layers, each once. */
  readonly blobs: readonly Descriptor[];
}

/** How an image is planned. */
export interface PlanOptions {
  /** How deep indexes may be nested, and how many manifests they may name in all. */
  readonly limits: Pick<OciLimits, "indexDepth" | "manifests">;
  /** Brings a document that an index names. */
  readonly read: (child: Descriptor) => Promise<ImageDocument>;
  /** Judges a part before anything is sent. */
  readonly check?: ((part: Descriptor) => void) | undefined;
  /** Called for what is left out. */
  readonly warn: (message: string) => void;
}

/**
 * Finds all parts of an image, of all platforms of an index.
 *
 * @throws {VarveError} `E_LIMIT` when the indexes are nested too deep or name too many manifests; what `read` and `check` throw
 */
export async function planImage(root: PlannedDocument, options: PlanOptions): Promise<ImagePlan> {
  const { limits, read, check, warn } = options;
  const documents: PlannedDocument[] = [];
  const seen = new Set<Digest>();
  const blobs = new Map<Digest, Descriptor>();
  let named = 0;
  /** `depth` counts from 1: of an index, how many indexes lead to its manifests. */
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
        if (mediaTypeInfo(part.mediaType)?.role === "layer" && isNondistributable(part.mediaType)) {
          warn(`layer ${part.digest} is nondistributable and was not sent`);
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
