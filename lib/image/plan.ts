import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type Descriptor,
  type ImageDocument,
  isNondistributable,
  mediaTypeInfo,
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
  /** What it is planned for, for messages. */
  readonly verb: "push" | "copy";
  /** Brings a document that an index names. */
  readonly read: (child: Descriptor) => Promise<ImageDocument>;
  /** Judges a part before anything is sent. */
  readonly check?: ((part: Descriptor) => void) | undefined;
  /** Called for what is left out. */
  readonly warn: (message: string) => void;
}

/** Documents of one image. */
const MAX_DOCUMENTS = 10_000;
/** Indexes in indexes. */
const MAX_DEPTH = 8;

/**
 * Finds all parts of an image, of all platforms of an index.
 *
 * @throws {VarveError} `E_LIMIT` too many or too deep; whatever `read` and `check` throw
 */
export async function planImage(root: PlannedDocument, options: PlanOptions): Promise<ImagePlan> {
  const { verb, read, check, warn } = options;
  const documents: PlannedDocument[] = [];
  const seen = new Set<Digest>();
  const blobs = new Map<Digest, Descriptor>();
  const visit = async ({ digest, document }: PlannedDocument, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH || seen.size > MAX_DOCUMENTS) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot ${verb} ${digest}: its indexes are too deep or too large`,
      );
    }
    if (document.kind === "index") {
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
  await visit(root, 0);
  return { documents, blobs: [...blobs.values()] };
}
