import { fromText, toText } from "../bytes/mod.ts";
import { sniff } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type ArchiveImage,
  encodeManifest,
  type ImageConfig,
  MEDIA_TYPES,
  OCI_LIMITS,
  parseArchiveManifest,
  parseImageConfig,
} from "../oci/mod.ts";
import {
  claimedName,
  givenName,
  type LayerFile,
  refuseOtherPlatform,
  refuseSeveral,
  stageAll,
  type StageContext,
  type StagedImage,
  stageLayers,
} from "./staged_image.ts";

/**
 * Stages the images of a docker-archive. It holds no OCI manifests, so one is
 * made: of the config as it is, and of the layers' blobs as they are.
 *
 * @throws {VarveError} `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_DIFFID` and what layers throw
 */
export async function stageDockerArchive(context: StageContext): Promise<StagedImage[]> {
  const { files, limits } = context;
  const bytes = await files.document(
    "manifest.json",
    limits.manifest,
    OCI_LIMITS.manifest.setting,
  );
  const images = parseArchiveManifest(bytes, { limits });
  refuseSeveral(context, images.length);
  return await stageAll(context, images, (image) => stageImage(context, image));
}

async function stageImage(context: StageContext, image: ArchiveImage): Promise<StagedImage> {
  const { files, ingest, limits } = context;
  const configBytes = await files.document(
    toText(image.config),
    limits.config,
    OCI_LIMITS.config.setting,
  );
  const config = parseImageConfig(configBytes, { limits });
  refuseOtherPlatform(context, config.platform);
  const layers = await stageLayers(context, await layerFiles(context, image, config));
  const configDescriptor = await ingest.blob(configBytes, MEDIA_TYPES.config);
  const target = await ingest.blob(
    encodeManifest({
      config: configDescriptor,
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    }),
    MEDIA_TYPES.manifest,
  );
  const name = givenName(context, target.digest);
  const names = name !== undefined
    ? [name]
    : image.repoTags.flatMap((tag) => claimedName(context, tag, target.digest) ?? []);
  return {
    names,
    target,
    manifests: [{ imageId: configDescriptor.digest, platform: config.platform, layers }],
  };
}

const LOOKS_AT_ONCE = 8;

async function layerFiles(
  context: StageContext,
  image: ArchiveImage,
  config: ImageConfig,
): Promise<LayerFile[]> {
  const { diffIds } = config;
  if (image.layers.length !== diffIds.length) {
    throw new VarveError(
      "E_FORMAT",
      `Cannot load image: manifest.json has ${image.layers.length} layers, its config ${diffIds.length} diff_ids`,
      { expected: diffIds.length, actual: image.layers.length },
    );
  }
  const numbered = diffIds.map((diffId, i) => ({ diffId, i }));
  // Each look opens the archive, and an image may have more layers than a process open files.
  return await stageAll(context, numbered, async ({ diffId, i }) => {
    const file = toText(image.layers[i] ?? fromText(""));
    const layer = { file, label: file, diffId };
    const at = await context.files.find(file);
    if (at?.kind !== "range") return layer;
    // The blob of an uncompressed layer is the tar itself: then its digest is known before it is read.
    const compression = sniff(await context.files.head(at));
    return compression === "none" ? { ...layer, digest: diffId } : { ...layer, compression };
  }, LOOKS_AT_ONCE);
}
