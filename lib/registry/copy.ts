import { VarveError } from "../errors.ts";
import { type Digest, verifyStream } from "../digest/mod.ts";
import {
  type Descriptor,
  formatReference,
  type ImageDocument,
  isNondistributable,
  mediaTypeInfo,
  parseDocument,
  type Reference,
} from "../oci/mod.ts";
import { mapLimited } from "../pool/mod.ts";
import type { PushedImage, PushOptions } from "./push.ts";
import type { FetchedDocument, RegistryClient } from "./registry_client.ts";

/** One side of a copy. */
export interface CopySide {
  /** Speaks to its registry. */
  readonly client: RegistryClient;
  /** The name there. */
  readonly reference: Reference;
}

/** Blobs that are copied at once. */
const CONCURRENCY = 4;
/** Documents of one image. */
const MAX_DOCUMENTS = 10_000;
/** Indexes in indexes. */
const MAX_DEPTH = 8;

/**
 * Copies an image, with all platforms of an index, from registry to registry, without a store: blobs
 * pass through memory, proved on their way; manifests go out byte for byte, the one with the name last.
 *
 * In one registry blobs are mounted from the source's repository.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_MISSING`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST`, `E_SIZE`, `E_LIMIT`
 */
export async function copyImage(
  source: CopySide,
  destination: CopySide,
  options: PushOptions = {},
): Promise<PushedImage> {
  const { onProgress, onWarning = () => {} } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const plan: Plan = { source, documents: [], blobs: new Map(), signal };
  const fetched = await source.client.manifest(source.reference, { signal });
  await collect(plan, fetched, undefined, onWarning, 0);
  const from = source.reference.repository;
  const to = destination.reference.repository;
  const together = source.reference.registry === destination.reference.registry && from !== to;
  const blobs = await mapLimited(
    [...plan.blobs.values()],
    Math.max(1, options.concurrency ?? CONCURRENCY),
    async (blob) => {
      const at = { blob: blob.digest, total: blob.size };
      onProgress?.({ ...at, sent: 0, state: "begin" });
      const outcome = await destination.client.uploadBlob(to, {
        blob,
        open: () =>
          Promise.resolve(
            owned(source.client.blob(from, blob, signal)).pipeThrough(verifyStream(blob)),
          ),
        mountFrom: together ? [from] : [],
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
  const last = plan.documents.length - 1;
  for (const [i, { digest, document }] of plan.documents.entries()) {
    const name = i === last ? destination.reference.tag ?? digest : digest;
    const { mediaType, raw } = document;
    await destination.client.putManifest(to, raw, { digest, mediaType }, name, signal);
  }
  return { name: formatReference(destination.reference), digest: fetched.digest, blobs };
}

/** What is to be copied. */
interface Plan {
  readonly source: CopySide;
  /** Children before what names them. */
  readonly documents: { readonly digest: Digest; readonly document: ImageDocument }[];
  readonly blobs: Map<Digest, Descriptor>;
  readonly signal: AbortSignal;
}

async function collect(
  plan: Plan,
  { bytes, digest, contentType }: FetchedDocument,
  mediaType: string | undefined,
  warn: (message: string) => void,
  depth: number,
): Promise<void> {
  if (plan.documents.some((one) => one.digest === digest)) return;
  if (depth > MAX_DEPTH || plan.documents.length > MAX_DOCUMENTS) {
    throw new VarveError("E_LIMIT", `Cannot copy ${digest}: its indexes are too deep or too large`);
  }
  const document = parseDocument(bytes, mediaType === undefined ? { contentType } : { mediaType });
  if (document.kind === "index") {
    for (const child of document.manifests) {
      const { client, reference: { repository } } = plan.source;
      const fetched = await client.manifest(
        { repository, digest: child.digest },
        { signal: plan.signal },
      ).catch(inside);
      await collect(plan, fetched, child.mediaType, warn, depth + 1);
    }
  } else {
    for (const part of [document.config, ...document.layers]) {
      if (mediaTypeInfo(part.mediaType)?.role === "layer" && isNondistributable(part.mediaType)) {
        warn(`layer ${part.digest} is nondistributable and was not copied`);
      } else plan.blobs.set(part.digest, part);
    }
  }
  plan.documents.push({ digest, document });
}

/** A stream of chunks of its own: those of a blob are only lent. */
function owned(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  }, { highWaterMark: 0 });
}

/** What is missing inside an image is bad data. */
function inside(error: unknown): never {
  if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
  throw new VarveError("E_MISSING", error.message, error.details);
}
