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

/** What a manifest is put with. */
export interface PutContext extends LayerRules {
  readonly store: Store;
  readonly uploads: Uploads;
  readonly pool: Pool;
  readonly documents: OciLimits;
  /** Whether a blob of the store is served. */
  readonly serves: (digest: Digest) => Promise<boolean>;
  /** Those of the digests that are not a manifest or an index of any image of the store. */
  readonly unknownDocuments: (digests: Iterable<Digest>) => Promise<Set<Digest>>;
  readonly signal: AbortSignal;
}

/**
 * Stages a document with all that it names, from what was uploaded and from the store.
 *
 * A manifest that is an image (its config is one, with a diffID for each layer) is proved and unpacked
 * as by `load`: the pool inflates each layer, checks its diffID and makes its tree, so that it can be
 * mounted at once. Everything else (artifacts, attestations, indexes, images that are none) is kept as
 * it is, blobs proved by their digests: a registry does not choose its content. The manifests of an index
 * must have come as manifests, which proved them: as a blob anything can come.
 *
 * @returns the uploaded blobs that are in the ingest now
 * @throws {Refusal} 404 parts are unknown, 400 a size is wrong; what layers throw
 */
export async function stageDocument(
  context: PutContext,
  ingest: Ingest,
  document: ImageDocument,
): Promise<readonly Digest[]> {
  const parts = document.kind === "index"
    ? document.manifests
    : [document.config, ...document.layers];
  await refuseUnknown(context, parts);
  try {
    return await stageParts(context, ingest, document, parts);
  } catch (error) {
    // What the store had and was found damaged is not here: the client can bring it.
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
  // Each once, however often it is named.
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

/** @throws {Refusal} 404 with an entry for each part that nobody has */
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

/** @throws {Refusal} 404 with an entry for each manifest that came as a blob, and so without its parts */
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

/** Whether a part would be read as a manifest or an index, whatever its descriptor calls it. */
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

/** @throws {Refusal} 400 */
function refuseOtherSize({ uploads, store }: PutContext, { digest, size }: Descriptor): void {
  const actual = (uploads.blob(digest) ?? store.blobs.stat(digest))?.size;
  if (actual === undefined || actual === size) return;
  throw refuse(400, "MANIFEST_INVALID", `${digest} has ${actual} bytes, not ${size}`, { digest });
}

/** The layers of a manifest that is an image, and its config. */
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

/** What says that a manifest is no image that varve can read, which is no fault of a registry's content. */
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

/** The first bytes of a blob, by which its compression is told. */
async function readHead(context: PutContext, { digest, size }: Descriptor): Promise<Uint8Array> {
  const end = Math.min(size, SNIFF_BYTES);
  using held = context.uploads.hold(digest);
  const pieces = held === undefined
    ? await context.store.blobs.open(digest, { run: { start: 0, end } })
    : fileChunks(held.path, 0, end);
  return joinBytes(await Array.fromAsync<Uint8Array>(pieces));
}

/** Keeps a part as it is. One that the store has already is left alone. */
async function stageBlob(context: PutContext, ingest: Ingest, part: Descriptor): Promise<void> {
  using held = context.uploads.hold(part.digest);
  if (held === undefined) return await refuseUnknown(context, [part]);
  await ingest.blobStream(fileChunks(held.path, 0, held.size), part.mediaType, part);
}

/** Makes a layer of an uploaded blob, as a load does; of a blob of the store where it has no layer of it. */
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
  // The job judges the media type; where the store has the layer, no job runs. The verdict on a manifest must not depend on that.
  if (!processed) checkMediaType(mediaType, sniff(await readHead(context, descriptor)));
}
