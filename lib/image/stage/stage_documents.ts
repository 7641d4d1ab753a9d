import { VarveError } from "../../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  formatPlatform,
  imageLayers,
  type Index,
  isAttachment,
  type Manifest,
  mediaTypeInfo,
  parseDocument,
  parseImageConfig,
  parseManifest,
  type Platform,
  platformsAgree,
  requireImage,
} from "../../oci/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import { openContent } from "../content.ts";
import type {
  DescribedImage,
  DocumentSource,
  ImageIngest,
  IngestedLayer,
  LayerContent,
  StagedImage,
  StagedManifest,
  WantedLayer,
} from "../contract.ts";

/**
 * Number of images, or platforms of one image, to read at the same time. Two suffice, because their layers keep the
 * pool busy.
 */
export const IMAGES_AT_ONCE = 2;

/** One walk through the documents of an image. */
interface Walk {
  readonly image: ImageIngest;
  readonly source: DocumentSource;
  /** Number of manifests that the indexes of the image have named so far. */
  count: number;
  /** Whether the user was warned already that a config names another platform than the index does. */
  warned: boolean;
}

/**
 * Stages an image whose documents the source has: its index, its manifests, their configs and their layers. Each
 * document is verified before it is parsed.
 *
 * @param label name of the source for messages, as the user typed it
 * @throws {VarveError} `E_MISSING`, `E_JSON`, `E_FORMAT`, `E_MEDIA_TYPE`, `E_DIGEST`, `E_SIZE`, `E_LIMIT` · all
 * errors of the source and of the layer jobs
 */
export async function stageDescribed(
  image: ImageIngest,
  { names, target, documents }: DescribedImage,
  label: string,
  signal: AbortSignal,
): Promise<StagedImage> {
  const walk: Walk = { image, source: documents, count: 0, warned: false };
  const staged = await stageDocument(walk, target, 0, signal);
  const { digest, size } = target;
  if (staged === undefined) {
    throw new VarveError(
      "E_MISSING",
      `Cannot load image ${digest}: ${label} does not hold its manifest`,
      { subject: digest },
    );
  }
  const { mediaType, manifests } = staged;
  if (manifests.length === 0) {
    throw new VarveError(
      "E_MISSING",
      `Cannot load image ${digest}: the archive holds none of its platforms`,
      { subject: digest },
    );
  }
  return { names, target: { mediaType, digest, size }, manifests };
}

/** A staged document, with the manifests below it. */
interface StagedDocument {
  /** Media type that the content shows. The media type in the descriptor may be unknown. */
  readonly mediaType: string;
  readonly manifests: readonly StagedManifest[];
}

/** Stages a document and everything that it names; `undefined` when the source does not have it. */
async function stageDocument(
  walk: Walk,
  target: Descriptor,
  depth: number,
  signal: AbortSignal,
): Promise<StagedDocument | undefined> {
  const { image: { ingest, limits }, source } = walk;
  const role = mediaTypeInfo(target.mediaType)?.role === "index" ? "index" : "manifest";
  const bytes = await source.document(target, role);
  if (bytes === undefined) return undefined;
  await ingest.blob(bytes, target.mediaType, target);
  const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
  const manifests = document.kind === "index"
    ? await stageIndex(walk, document, depth, signal)
    : [await stageManifest(walk, document, target, depth, signal)];
  return { mediaType: document.mediaType, manifests };
}

async function stageIndex(
  walk: Walk,
  index: Index,
  depth: number,
  signal: AbortSignal,
): Promise<StagedManifest[]> {
  const { image: { limits }, source } = walk;
  walk.count += index.manifests.length;
  checkOciLimit("indexDepth", limits.indexDepth, depth + 1);
  checkOciLimit("manifests", limits.manifests, walk.count);
  const children = source.children(index, depth);
  const staged = await boundedParallel(children, async (child, signal) => {
    // The parts of an attestation or artifact are stored as blobs, so that the index stays complete.
    if (source.part !== undefined && isAttachment(child)) {
      return void await stageAttachment(walk, child);
    }
    return await stageDocument(walk, child, depth + 1, signal);
  }, { limit: IMAGES_AT_ONCE, signal });
  return staged.flatMap((document) => document?.manifests ?? []);
}

async function stageManifest(
  walk: Walk,
  document: Manifest,
  target: Descriptor,
  depth: number,
  signal: AbortSignal,
): Promise<StagedManifest> {
  const { image: { ingest, limits }, source } = walk;
  const manifest = requireImage(document);
  const { config: blob } = manifest;
  const bytes = await source.document(blob, "config");
  if (bytes === undefined) {
    throw new VarveError("E_MISSING", `Cannot load image: its config ${blob.digest} is missing`, {
      subject: blob.digest,
    });
  }
  await ingest.blob(bytes, blob.mediaType, blob);
  const config = parseImageConfig(bytes, { limits });
  source.accept(config, depth);
  warnOfPlatform(walk, target, config.platform);
  const wanted = imageLayers(manifest, config).map(({ descriptor, diffId }): WantedLayer => ({
    label: descriptor.digest,
    diffId,
    digest: descriptor.digest,
    size: descriptor.size,
    mediaType: descriptor.mediaType,
  }));
  const layers = await bringLayers(walk.image, source, wanted, signal);
  return { imageId: blob.digest, platform: config.platform, layers };
}

/** Warns when a config names another platform than the index does. Warns once for each image. */
function warnOfPlatform(
  walk: Walk,
  { digest, platform: claimed }: Descriptor,
  own: Platform,
): void {
  if (claimed === undefined || walk.warned || platformsAgree(claimed, own)) return;
  walk.warned = true;
  walk.image.warn(
    `the index says that ${digest} is for ${formatPlatform(claimed)}, but its config says ` +
      `${formatPlatform(own)}, which is used`,
  );
}

/**
 * Stages the layers of one manifest, several at the same time. When it returns or throws, the work on all layers has
 * ended.
 */
export async function bringLayers<Wanted extends WantedLayer>(
  { layers }: ImageIngest,
  source: { layer(wanted: Wanted): Promise<LayerContent> },
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<IngestedLayer[]> {
  layers.announce(wanted);
  return await boundedParallel(
    wanted,
    async (layer, signal) => await layers.bring(layer, await source.layer(layer), signal),
    { limit: layers.atOnce, signal },
  );
}

/** Stages the manifest of an attestation or artifact, and the parts that the source has. */
async function stageAttachment({ image, source }: Walk, target: Descriptor): Promise<void> {
  const { ingest, limits, signal } = image;
  const bytes = await source.document(target, "manifest");
  if (bytes === undefined) return;
  await ingest.blob(bytes, target.mediaType, target);
  const document = parseManifest(bytes, { mediaType: target.mediaType, limits });
  for (const part of [document.config, ...document.layers]) {
    const content = await source.part?.(part);
    if (content === undefined) continue;
    await ingest.blobStream(await openContent(content, signal), part.mediaType, part);
  }
}
