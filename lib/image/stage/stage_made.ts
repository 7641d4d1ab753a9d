import { checkOciLimit, encodeManifest, MEDIA_TYPES } from "../../oci/mod.ts";
import type { ImageIngest, MadeImage, StagedImage } from "../contract.ts";

/** Stages an image that has no manifest yet: writes one from its config and its layers. */
export async function stageMade(
  { ingest, limits }: Pick<ImageIngest, "ingest" | "limits">,
  { names, config, layers, annotations }: MadeImage,
): Promise<StagedImage> {
  const configBlob = await ingest.blob(config.raw, MEDIA_TYPES.config);
  const manifest = encodeManifest({
    config: configBlob,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    annotations,
  });
  checkOciLimit("manifest", limits.manifest, manifest.length);
  const target = await ingest.blob(manifest, MEDIA_TYPES.manifest);
  return {
    names: names(target.digest),
    target,
    manifests: [{ imageId: configBlob.digest, platform: config.platform, layers }],
  };
}
