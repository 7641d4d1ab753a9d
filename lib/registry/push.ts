import { VarveError } from "../errors.ts";
import type { Digest } from "../digest/mod.ts";
import {
  type Descriptor,
  formatReference,
  type ImageDocument,
  isNondistributable,
  mediaTypeInfo,
  parseDocument,
  type Reference,
  tryParseReference,
} from "../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../store/mod.ts";
import { mapLimited } from "../pool/mod.ts";
import type { RegistryClient } from "./registry_client.ts";
import type { UploadOutcome } from "./upload.ts";

/** How far the push of one blob is. */
export interface PushProgress {
  /** The blob. */
  readonly blob: Digest;
  /** Its bytes. */
  readonly total: number;
  /** Bytes sent. */
  readonly sent: number;
  /** Begun, running, or how it came to be there. */
  readonly state: "begin" | "running" | UploadOutcome;
}

/** Options of {@linkcode pushImage}. */
export interface PushOptions {
  /** Blobs that are sent at once; 4 when absent. */
  readonly concurrency?: number;
  /** Cancels. */
  readonly signal?: AbortSignal;
  /** Called often, for each blob. */
  readonly onProgress?: (progress: PushProgress) => void;
  /** Called for what is left out. */
  readonly onWarning?: (message: string) => void;
}

/** What a push did. */
export interface PushedImage {
  /** Its name in the registry. */
  readonly name: string;
  /** Digest of the manifest or index: the one in the store. */
  readonly digest: Digest;
  /** Each blob, and how it came to be there. */
  readonly blobs: readonly {
    /** The blob. */
    readonly digest: Digest;
    /** Its bytes. */
    readonly size: number;
    /** How it came to be there. */
    readonly outcome: UploadOutcome;
  }[];
}

/** Blobs that are sent at once. */
const CONCURRENCY = 4;
/** Indexes in indexes. */
const MAX_DEPTH = 8;

/**
 * Pushes an image as it is in the store: manifests byte for byte, blobs that the registry has not,
 * and last the manifest or index under its tag. A blob that another repository of the registry holds
 * is mounted from there, where the registry does that.
 *
 * @throws {VarveError} `E_PRECONDITION` when a part of the image is not in the store, `E_REGISTRY`, `E_DENIED`
 */
export async function pushImage(
  store: Store,
  client: RegistryClient,
  image: ImageRecord,
  destination: Reference,
  options: PushOptions = {},
): Promise<PushedImage> {
  const { onWarning = () => {}, onProgress } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const { repository } = destination;
  const plan: Plan = { documents: [], blobs: new Map() };
  await collect(store, image.target, plan, onWarning, 0);
  const mountFrom = neighbours(store, destination, plan);
  const outcomes = await mapLimited(
    [...plan.blobs.values()],
    Math.max(1, options.concurrency ?? CONCURRENCY),
    async (blob) => {
      const at = { blob: blob.digest, total: blob.size };
      onProgress?.({ ...at, sent: 0, state: "begin" });
      const outcome = await client.uploadBlob(repository, {
        blob,
        open: () => store.blobs.open(blob.digest, { signal }),
        mountFrom: mountFrom.get(blob.digest) ?? [],
        onProgress: (sent) => onProgress?.({ ...at, sent, state: "running" }),
      }, signal);
      onProgress?.({ ...at, sent: blob.size, state: outcome });
      return { digest: blob.digest, size: blob.size, outcome };
    },
    (error) => stop.abort(error),
  ).catch((error) => {
    options.signal?.throwIfAborted();
    throw error;
  });
  // Children before what names them.
  const last = plan.documents.length - 1;
  for (const [i, { descriptor, document }] of plan.documents.entries()) {
    const name = i === last ? destination.tag ?? descriptor.digest : descriptor.digest;
    await client.putManifest(repository, document.raw, descriptor, name, signal);
  }
  return { name: formatReference(destination), digest: image.target.digest, blobs: outcomes };
}

/** What is to be there afterwards. */
interface Plan {
  /** Manifests and indexes, children first. */
  readonly documents: { readonly descriptor: Descriptor; readonly document: ImageDocument }[];
  readonly blobs: Map<Digest, Descriptor>;
}

/** Reads the documents below a descriptor, and finds all its parts in the store before anything is sent. */
async function collect(
  store: Store,
  target: Descriptor,
  plan: Plan,
  warn: (message: string) => void,
  depth: number,
): Promise<void> {
  if (plan.documents.some(({ descriptor }) => descriptor.digest === target.digest)) return;
  if (depth > MAX_DEPTH) {
    throw new VarveError("E_LIMIT", `Cannot push ${target.digest}: its indexes are too deep`);
  }
  const limits = documentLimits(store);
  const { mediaType } = target;
  const bytes = await store.blobs.read(target.digest).catch((error) => {
    if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
    throw absent(target, "of a platform that was not brought here; pull or load all of it");
  });
  const document = parseDocument(bytes, { mediaType, limits });
  if (document.kind === "index") {
    for (const child of document.manifests) {
      await collect(store, child, plan, warn, depth + 1);
    }
  } else {
    for (const part of [document.config, ...document.layers]) {
      if (mediaTypeInfo(part.mediaType)?.role === "layer" && isNondistributable(part.mediaType)) {
        warn(`layer ${part.digest} is nondistributable and was not pushed`);
        continue;
      }
      if (store.blobs.stat(part.digest) === undefined) throw absent(part, "no longer here");
      plan.blobs.set(part.digest, part);
    }
  }
  plan.documents.push({ descriptor: { ...target, mediaType: document.mediaType }, document });
}

function absent({ digest }: Descriptor, state: string): VarveError {
  return new VarveError("E_PRECONDITION", `Cannot push the image: its part ${digest} is ${state}`, {
    subject: digest,
  });
}

/** Most repositories that a blob is tried to be mounted from. */
const MAX_MOUNTS = 1;

/** Other repositories of the same registry whose images in the store have a blob, by their names only. */
function neighbours(
  store: Store,
  { registry, repository }: Reference,
  plan: Plan,
): Map<Digest, readonly string[]> {
  const others = new Set<string>();
  for (const { name } of store.images.list()) {
    const other = tryParseReference(name);
    if (other?.registry === registry && other.repository !== repository) {
      others.add(other.repository);
    }
  }
  // Which of them has it, the registry knows; asking costs nothing where it has not.
  const most = [...others].slice(0, MAX_MOUNTS);
  return new Map([...plan.blobs.keys()].map((digest) => [digest, most]));
}
