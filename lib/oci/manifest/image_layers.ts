import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { ImageConfig } from "../config/config.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Manifest } from "./manifest.ts";
import { compressionOf, isNondistributable, layerMediaType, mediaTypeInfo } from "./media_type.ts";

/** A layer of an image: the descriptor comes from the manifest, the diffID from the config. */
export interface ImageLayer {
  /** Descriptor of the blob, which is often compressed. */
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
}

/**
 * Checks that a manifest is an image, not an artifact, and that varve knows the media types of its
 * config and of all its layers.
 *
 * @returns the same manifest
 * @throws {VarveError} `E_NOT_IMAGE` for an artifact, `E_MEDIA_TYPE` for a layer of unknown type
 */
export function requireImage(manifest: Manifest): Manifest {
  const { artifactType, config } = manifest;
  const type = artifactType ?? config.mediaType;
  if (artifactType !== undefined || mediaTypeInfo(config.mediaType)?.role !== "config") {
    throw new VarveError(
      "E_NOT_IMAGE",
      `Cannot use manifest as an image: it is an artifact of type ${
        JSON.stringify(type.slice(0, 120))
      }`,
      { actual: type.slice(0, 120) },
    );
  }
  for (const layer of manifest.layers) compressionOf(layer.mediaType);
  return manifest;
}

/**
 * Pairs the layers of a manifest with the diffIDs of its config, lowest first.
 *
 * @throws {VarveError} `E_FORMAT` when there are more or fewer layers than diffIDs; the errors of
 * {@linkcode requireImage}
 */
export function imageLayers(manifest: Manifest, config: ImageConfig): readonly ImageLayer[] {
  requireImage(manifest);
  const { layers } = manifest;
  const { diffIds } = config;
  if (layers.length !== diffIds.length) {
    throw new VarveError(
      "E_FORMAT",
      `Cannot use image: its manifest has ${layers.length} layers, its config ${diffIds.length} diff_ids`,
      { expected: layers.length, actual: diffIds.length },
    );
  }
  return layers.map((descriptor, i) => ({ descriptor, diffId: diffIds[i] as DiffId }));
}

/**
 * The descriptor of a layer for an OCI manifest: replaces Docker's media type by OCI's. A
 * nondistributable layer keeps its media type.
 *
 * @throws {VarveError} `E_MEDIA_TYPE` when it is not the descriptor of a layer
 */
export function ociLayer(descriptor: Descriptor): Descriptor {
  const { mediaType } = descriptor;
  if (isNondistributable(mediaType)) return descriptor;
  return { ...descriptor, mediaType: layerMediaType(compressionOf(mediaType)) };
}
