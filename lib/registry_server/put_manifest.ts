import { joinBytes } from "../bytes/mod.ts";
import { checkMediaType, sniff, SNIFF_BYTES } from "../codec/compress/mod.ts";
import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { type LayerContent, type LayerIngest, StoreLayerIngest } from "../image/internal.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import {
  type Descriptor,
  type ImageDocument,
  type ImageLayer,
  imageLayers,
  type Manifest,
  type OciLimits,
  parseDocument,
  parseImageConfig,
  requireImage,
} from "../oci/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import type { Pool } from "../pool/mod.ts";
import type { Ingest, Store } from "../store/mod.ts";
import { fileChunks } from "./file_chunks.ts";
import { Refusal, refuse } from "./http.ts";
import type { Uploads } from "./uploads.ts";

/** The parts of the server that {@linkcode stageDocument} uses. */
export interface PutContext extends LayerRules {
  readonly store: Store;
  readonly uploads: Uploads;
  readonly pool: Pool;
  readonly documents: OciLimits;
  /** Whether the server serves a blob of the store. */
  readonly serves: (digest: Digest) => Promise<boolean>;
  /**
   * Filters digests: returns those that are not the digest of a manifest or index of any image in
   * the store.
   */
  readonly unknownDocuments: (digests: Iterable<Digest>) => Promise<Set<Digest>>;
  readonly signal: AbortSignal;
}

/**
 * Stages a document and everything that it names. The parts come from uploads and from the store.
 *
 * If a manifest is an image, it is verified and processed as `load` does it: the pool inflates each
 * layer, checks its diffID and makes its tree. So the image can be mounted at once. A manifest is
 * an image if its config is an image config with a diffID for each layer. Everything else, such as
 * artifacts, attestations, indexes and invalid images, is stored unchanged, with blobs verified
 * against their digests: a registry does not choose its content.
 *
 * The children of an index must have been pushed as manifests, because only such a push verifies
 * their parts. A manifest that was pushed as a blob is not verified.
 *
 * @returns digests of the uploaded blobs that are now in the ingest
 * @throws {Refusal} 404 when parts are unknown, 400 when a size is wrong; the errors of the layer
 * job
 */
export async function stageDocument(
  context: PutContext,
  ingest: Ingest,
  document: ImageDocument,
): Promise<readonly Digest[]> {
  const parts = document.kind === "index"
    ? document.manifests
    : [document.config, ...document.layers];
  // From here on gc keeps those that the store has.
  await ingest.hold(parts.map(({ digest }) => digest));
  await refuseUnknown(context, parts);
  try {
    return await stageParts(context, ingest, document, parts);
  } catch (error) {
    // A blob of the store may have turned out to be damaged. Then answer that it is unknown, so that the client uploads it.
    await refuseUnknown(context, parts);
    throw error;
  }
}

async function stageParts(
  context: PutContext,
  ingest: Ingest,
  document: ImageDocument,
  parts: readonly Descriptor[],
): Promise<readonly Digest[]> {
  // A document may name the same part several times.
  const each = [...new Map(parts.map((part) => [part.digest, part])).values()];
  for (const part of parts) refuseOtherSize(context, part);
  if (document.kind === "index") await refuseUnproved(context, each);
  const image = document.kind === "index" ? undefined : await imageOf(context, document);
  if (document.kind === "index" || image === undefined) {
    for (const part of each) await stageBlob(context, ingest, part);
    return each.map(({ digest }) => digest);
  }
  const { config } = document;
  await ingest.blob(image.config, config.mediaType, config);
  const unique = new Map(
    image.layers.map((layer) => [`${layer.descriptor.digest} ${layer.diffId}`, layer]),
  );
  const layers = new StoreLayerIngest({ ...context, ingest, verb: "put" });
  await boundedParallel(
    [...unique.values()],
    (layer, signal) => stageLayer(context, layers, layer, signal),
    { limit: layers.atOnce, signal: context.signal },
  );
  ingest.chain(image.layers.map(({ diffId }) => diffId));
  return each.map(({ digest }) => digest);
}

/** Refuses parts that are neither uploaded nor served. @throws {Refusal} 404 with an entry for each */
async function refuseUnknown(
  { uploads, serves }: PutContext,
  parts: readonly Descriptor[],
): Promise<void> {
  const unknown = new Set<Digest>();
  for (const { digest } of parts) {
    if (uploads.blob(digest) === undefined && !await serves(digest)) unknown.add(digest);
  }
  if (unknown.size > 0) throw unknownParts([...unknown]);
}

/**
 * Refuses manifests that were uploaded as blobs, because their parts were never checked.
 *
 * @throws {Refusal} 404 with an entry for each
 */
async function refuseUnproved(context: PutContext, children: readonly Descriptor[]): Promise<void> {
  const unknown = await context.unknownDocuments(children.map(({ digest }) => digest));
  const unproved: Digest[] = [];
  for (const child of children) {
    if (unknown.has(child.digest) && await isDocument(context, child)) {
      unproved.push(child.digest);
    }
  }
  if (unproved.length > 0) throw unknownParts(unproved);
}

function unknownParts(digests: readonly Digest[]): Refusal {
  return new Refusal(
    404,
    digests.slice(0, 100).map((digest) => ({
      code: "MANIFEST_BLOB_UNKNOWN",
      message: "a part of the manifest is not here",
      detail: { digest },
    })),
  );
}

/** Whether the bytes of a part are a manifest or an index, whatever its descriptor says. */
async function isDocument(context: PutContext, part: Descriptor): Promise<boolean> {
  const { documents: limits } = context;
  if (part.size > Math.max(limits.manifest, limits.index)) return false;
  const bytes = await readSmall(context, part);
  try {
    parseDocument(bytes, { limits });
    return true;
  } catch (error) {
    if (error instanceof VarveError) return false;
    throw error;
  }
}

/** Refuses a descriptor with a wrong size. @throws {Refusal} 400 */
function refuseOtherSize({ uploads, store }: PutContext, { digest, size }: Descriptor): void {
  const actual = (uploads.blob(digest) ?? store.blobs.stat(digest))?.size;
  if (actual === undefined || actual === size) return;
  throw refuse(400, "MANIFEST_INVALID", `${digest} has ${actual} bytes, not ${size}`, { digest });
}

/** The config and the layers of a manifest; `undefined` when it is not an image that varve can read. */
async function imageOf(
  context: PutContext,
  manifest: Manifest,
): Promise<{ config: Uint8Array; layers: readonly ImageLayer[] } | undefined> {
  const { documents: limits } = context;
  const { config } = manifest;
  if (config.size > limits.config) return undefined;
  try {
    requireImage(manifest);
    const bytes = await readSmall(context, config);
    const layers = imageLayers(manifest, parseImageConfig(bytes, { limits }));
    return { config: bytes, layers };
  } catch (error) {
    if (error instanceof VarveError && BAD_IMAGE.has(error.code)) return undefined;
    throw error;
  }
}

/**
 * Errors that mean that a manifest is not an image that varve can read. The registry stores such a
 * manifest unchanged.
 */
const BAD_IMAGE: ReadonlySet<string> = new Set([
  "E_NOT_IMAGE",
  "E_MEDIA_TYPE",
  "E_FORMAT",
  "E_JSON",
  "E_DIGEST_FORMAT",
  "E_TIME",
]);

async function readSmall(context: PutContext, { digest, size }: Descriptor): Promise<Uint8Array> {
  using held = context.uploads.hold(digest);
  if (held === undefined) return await context.store.blobs.read(digest, size);
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of fileChunks(held.path, 0, size)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The first bytes of a blob, which show its compression. */
async function readHead(context: PutContext, { digest, size }: Descriptor): Promise<Uint8Array> {
  const end = Math.min(size, SNIFF_BYTES);
  using held = context.uploads.hold(digest);
  const pieces = held === undefined
    ? await context.store.blobs.open(digest, { run: { start: 0, end } })
    : fileChunks(held.path, 0, end);
  return joinBytes(await Array.fromAsync<Uint8Array>(pieces));
}

/** Stages an uploaded part unchanged. Does nothing for a part that the store has already. */
async function stageBlob(context: PutContext, ingest: Ingest, part: Descriptor): Promise<void> {
  using held = context.uploads.hold(part.digest);
  if (held === undefined) return await refuseUnknown(context, [part]);
  await ingest.blobStream(fileChunks(held.path, 0, held.size), part.mediaType, part);
}

/**
 * Makes a layer from an uploaded blob, as a load does. If the blob was not uploaded, it is read
 * from the store.
 */
async function stageLayer(
  context: PutContext,
  layers: LayerIngest,
  { descriptor, diffId }: ImageLayer,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size, mediaType } = descriptor;
  using held = context.uploads.hold(digest);
  const content: LayerContent = held === undefined
    ? { kind: "stream", size, open: (signal) => context.store.blobs.open(digest, { signal }) }
    : { kind: "file", path: held.path, offset: 0, length: held.size };
  const wanted = { label: digest, diffId, digest, size, mediaType };
  const { processed } = await layers.bring(wanted, content, signal);
  // The layer job checks the media type, but no job runs for a layer that the store has. So check it here: the verdict on
  // a manifest must not depend on the content of the store.
  if (!processed) checkMediaType(mediaType, sniff(await readHead(context, descriptor)));
}
