import { fromText, toText } from "../bytes/mod.ts";
import { algorithmOf } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  bringLayers,
  IMAGES_AT_ONCE,
  type MadeImage,
  type WantedLayer,
} from "../image/internal.ts";
import {
  type ArchiveImage,
  type ImageConfig,
  OCI_LIMITS,
  parseArchiveManifest,
  parseImageConfig,
} from "../oci/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import {
  type ArchiveContext,
  chosenImages,
  claimedName,
  givenName,
  refuseOtherPlatform,
  refuseSeveral,
} from "./archive_context.ts";
import { compressionOf, layerContent } from "./archive_content.ts";
import { DocumentBudget } from "./document_budget.ts";

/**
 * Limit for the total size of the configs in bytes. All images are kept until the last of them is read, and each of
 * them may name the same config. If the limit for a single config is larger, that limit applies instead.
 */
const CONFIG_BUDGET = 64 * 1024 * 1024;

/**
 * The images of a docker-archive. It has no OCI manifests, so the ingest makes a manifest from the unchanged config and
 * the unchanged blobs of the layers.
 *
 * @throws {VarveError} `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_DIFFID`, `E_LIMIT` · all errors of the layer jobs
 */
export async function dockerImages(context: ArchiveContext): Promise<MadeImage[]> {
  const { files, ingest: { limits, signal } } = context;
  const bytes = await files.document(
    "manifest.json",
    limits.manifest,
    OCI_LIMITS.manifest.setting,
  );
  const images = chosenImages(
    context,
    parseArchiveManifest(bytes, { limits }),
    ({ repoTags }) => repoTags,
  );
  refuseSeveral(context, images.length, images.flatMap(({ repoTags }) => repoTags));
  const budget = new DocumentBudget(files.label, Math.max(CONFIG_BUDGET, limits.config));
  return await boundedParallel(
    images,
    (image, signal) => bringImage(context, image, budget, signal),
    { limit: IMAGES_AT_ONCE, signal },
  );
}

async function bringImage(
  context: ArchiveContext,
  image: ArchiveImage,
  budget: DocumentBudget,
  signal: AbortSignal,
): Promise<MadeImage> {
  const { files, ingest } = context;
  const { limits } = ingest;
  const bytes = await files.document(
    toText(image.config),
    limits.config,
    OCI_LIMITS.config.setting,
  );
  budget.take(bytes.length);
  const config = parseImageConfig(bytes, { limits });
  refuseOtherPlatform(context, config.platform);
  const wanted = await layerFiles(context, image, config, signal);
  const source = { layer: (layer: LayerFile) => layerContent(files, layer.file, layer) };
  const layers = await bringLayers(ingest, source, wanted, signal);
  return {
    kind: "made",
    names: (manifest) => {
      const name = givenName(context, manifest);
      if (name !== undefined) return [name];
      return image.repoTags.flatMap((tag) => claimedName(context, tag, manifest) ?? []);
    },
    config,
    layers,
  };
}

/** A layer, and the file of the archive that holds its blob. */
interface LayerFile extends WantedLayer {
  /** Name of the file in the archive. */
  readonly file: string;
}

/** Number of files whose first bytes are read at the same time. */
const HEADS_AT_ONCE = 8;

async function layerFiles(
  { files }: ArchiveContext,
  image: ArchiveImage,
  { diffIds }: ImageConfig,
  signal: AbortSignal,
): Promise<LayerFile[]> {
  if (image.layers.length !== diffIds.length) {
    throw new VarveError(
      "E_FORMAT",
      `Cannot load image: manifest.json has ${image.layers.length} layers, but its config has ${diffIds.length} diff_ids`,
      { expected: diffIds.length, actual: image.layers.length },
    );
  }
  const numbered = diffIds.map((diffId, i) => ({ diffId, i }));
  // Each read opens the archive, and an image may have more layers than a process may have open files.
  return await boundedParallel(numbered, async ({ diffId, i }) => {
    const file = toText(image.layers[i] ?? fromText(""));
    const layer = { file, label: file, diffId };
    const at = await files.find(file);
    if (at?.kind !== "file") return layer;
    const compression = compressionOf(await files.head(at), file);
    // The blob of an uncompressed layer is the tar itself, so the diffID is also the digest of the blob.
    const isKnown = compression === "none" && algorithmOf(diffId) === "sha256";
    return isKnown ? { ...layer, digest: diffId } : { ...layer, compression };
  }, { limit: HEADS_AT_ONCE, signal });
}
