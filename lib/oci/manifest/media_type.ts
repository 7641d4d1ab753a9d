import { VarveError } from "../../errors.ts";

/** Compression of a layer's blob. */
export type BlobCompression = "none" | "gzip" | "zstd";

/** The kind of blob that a media type stands for. */
export type MediaTypeRole = "index" | "manifest" | "config" | "layer";

/** What varve knows about a media type. */
export interface MediaTypeInfo {
  /** Kind of blob. */
  readonly role: MediaTypeRole;
  /** The specification that defines the media type. */
  readonly family: "oci" | "docker";
  /** Compression of a layer; `"none"` for every other kind. */
  readonly compression: BlobCompression;
  /**
   * Whether the blob is a layer that registries do not store (nondistributable, or foreign in
   * Docker's terms).
   */
  readonly foreign: boolean;
}

/** The media types that varve writes. */
export const MEDIA_TYPES = {
  /** OCI image index. */
  index: "application/vnd.oci.image.index.v1+json",
  /** OCI image manifest. */
  manifest: "application/vnd.oci.image.manifest.v1+json",
  /** OCI image config. */
  config: "application/vnd.oci.image.config.v1+json",
  /** OCI layer, uncompressed. */
  layer: "application/vnd.oci.image.layer.v1.tar",
  /** OCI layer, compressed with gzip. */
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  /** OCI layer, compressed with zstd. */
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  /** Placeholder blob `{}` (image-spec, manifest.md, "Guidance for an Empty Descriptor"). */
  empty: "application/vnd.oci.empty.v1+json",
  /** Docker manifest list. */
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  /** Docker image manifest, schema 2. */
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  /** Docker image config. */
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  /** Docker layer, uncompressed. */
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  /** Docker layer, compressed with gzip. */
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

const KNOWN: ReadonlyMap<string, MediaTypeInfo> = table();

function table(): Map<string, MediaTypeInfo> {
  const known = new Map<string, MediaTypeInfo>();
  const add = (
    family: "oci" | "docker",
    role: MediaTypeRole,
    type: string,
    compression: BlobCompression = "none",
    foreign = false,
  ) => known.set(type, { role, family, compression, foreign });
  add("oci", "index", MEDIA_TYPES.index);
  add("oci", "manifest", MEDIA_TYPES.manifest);
  add("oci", "config", MEDIA_TYPES.config);
  add("docker", "index", MEDIA_TYPES.dockerIndex);
  add("docker", "manifest", MEDIA_TYPES.dockerManifest);
  add("docker", "config", MEDIA_TYPES.dockerConfig);
  const oci = "application/vnd.oci.image.layer.";
  const docker = "application/vnd.docker.image.rootfs.";
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const plus = compression === "none" ? "" : `+${compression}`;
    const dot = compression === "none" ? "" : `.${compression}`;
    add("oci", "layer", `${oci}v1.tar${plus}`, compression);
    add("oci", "layer", `${oci}nondistributable.v1.tar${plus}`, compression, true);
    add("docker", "layer", `${docker}diff.tar${dot}`, compression);
    add("docker", "layer", `${docker}foreign.diff.tar${dot}`, compression, true);
  }
  // Some builders write these two media types. Docker accepts them too.
  add("docker", "layer", `${docker}diff.tar+zstd`, "zstd");
  add("docker", "layer", `${docker}diff.tar+gzip`, "gzip");
  return known;
}

/** Docker's manifest schema 1. It has no digests of uncompressed layers, so varve refuses it. */
const SCHEMA1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;

/**
 * A media type in lower case without parameters:
 * `Application/JSON; charset=utf-8` becomes `application/json`.
 */
export function bareMediaType(value: string): string {
  return (value.split(";", 1)[0] as string).trim().toLowerCase();
}

/** What varve knows about a media type; `undefined` for an unknown media type. */
export function mediaTypeInfo(mediaType: string): MediaTypeInfo | undefined {
  return KNOWN.get(mediaType);
}

/** Whether a media type is Docker's manifest schema 1. */
export function isSchema1(mediaType: string): boolean {
  return SCHEMA1.test(mediaType);
}

/**
 * The compression that a layer's media type declares.
 *
 * @throws {VarveError} `E_MEDIA_TYPE` when it is not the media type of a layer
 */
export function compressionOf(mediaType: string): BlobCompression {
  return layerInfo(mediaType).compression;
}

/**
 * Whether a layer's media type declares that registries do not store the layer.
 *
 * @throws {VarveError} `E_MEDIA_TYPE` when it is not the media type of a layer
 */
export function isNondistributable(mediaType: string): boolean {
  return layerInfo(mediaType).foreign;
}

/** The OCI media type of a layer with this compression. */
export function layerMediaType(compression: BlobCompression): string {
  return compression === "none"
    ? MEDIA_TYPES.layer
    : compression === "gzip"
    ? MEDIA_TYPES.layerGzip
    : MEDIA_TYPES.layerZstd;
}

function layerInfo(mediaType: string): MediaTypeInfo {
  const info = KNOWN.get(mediaType);
  if (info?.role === "layer") return info;
  const shown = JSON.stringify(mediaType.slice(0, 120));
  const why = mediaType.endsWith("+encrypted")
    ? "encrypted layers are not supported"
    : info === undefined
    ? "it is not the media type of a tar layer of OCI or Docker"
    : `it is the media type of ${info.role === "index" ? "an" : "a"} ${info.role}`;
  throw new VarveError("E_MEDIA_TYPE", `Cannot use layer of media type ${shown}: ${why}`, {
    actual: mediaType.slice(0, 120),
  });
}
