/** Media types of layers, as containerd names them in Apply and Diff. */
import type { DiffId, Digest } from "../../digest/mod.ts";
import { algorithmOf } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { bareMediaType, MEDIA_TYPES, mediaTypeInfo } from "../../oci/mod.ts";

/** Media type of a Diff that asks for none. */
const DEFAULT: string = MEDIA_TYPES.layerGzip;

/** Whether varve makes a layer of a blob with this media type. Encrypted layers, for example, are left to others. */
export function isLayerMediaType(mediaType: string): boolean {
  return mediaTypeInfo(bareMediaType(mediaType))?.role === "layer";
}

/** The blob that a Diff writes. */
export interface DiffForm {
  /** Media type for the answer. */
  readonly mediaType: string;
  /** Compression of the blob. */
  readonly compression: "none" | "gzip" | "zstd";
}

/** What a Diff of this media type writes; `undefined` when varve does not know the media type. */
export function diffForm(mediaType: string): DiffForm | undefined {
  const wanted = mediaType === "" ? DEFAULT : mediaType;
  const info = mediaTypeInfo(bareMediaType(wanted));
  if (info?.role !== "layer" || info.foreign) return undefined;
  return { mediaType: wanted, compression: info.compression };
}

/**
 * Refuses a compressed blob that its media type calls uncompressed, as the layer job does: the digest of such a blob could
 * be taken for the diffID.
 *
 * @throws {VarveError} `E_COMPRESSION`
 */
export function checkStated(mediaType: string, digest: Digest, diffId: DiffId): void {
  const stated = mediaTypeInfo(bareMediaType(mediaType))?.compression;
  if (stated !== "none" || algorithmOf(digest) !== "sha256" || digest === diffId) return;
  throw new VarveError(
    "E_COMPRESSION",
    `Cannot apply layer ${digest}: media type ${
      JSON.stringify(mediaType.slice(0, 120))
    } says uncompressed, but the bytes are compressed`,
    { expected: "none", subject: digest },
  );
}
