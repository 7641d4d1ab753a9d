import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import { chainIds, type Warning } from "../layer/mod.ts";
import { matchPlatform, type Platform } from "../oci/mod.ts";
import { namelessImage } from "../store/internal.ts";
import type { IngestResult } from "../store/mod.ts";
import type { StagedImage, StagedManifest } from "./contract.ts";

/** A layer of a loaded image. */
export interface LoadedLayer {
  /** Digest of the blob, as the manifest names it. */
  readonly digest: Digest;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Chain ID of the layers up to this one. */
  readonly chainId: ChainId;
  /** Size of the blob in bytes. */
  readonly size: number;
  /** Size of the uncompressed tar in bytes. */
  readonly uncompressedSize: number;
  /** Cache id: the number of the layer's directory in the store. */
  readonly cacheId: number;
  /** Whether the layer was made from its bytes now; false when the store had the verified layer already. */
  readonly processed: boolean;
  /** What was left out of the layer or is unusual in it. */
  readonly warnings: readonly Warning[];
}

/** An image that is now in the store. */
export interface LoadedImage {
  /** All names of the image; only `<none>@<digest>` for an image without a name. */
  readonly names: readonly string[];
  /** Digest of the config. */
  readonly imageId: Digest;
  /** Digest of the target: a manifest or an index. */
  readonly manifest: Digest;
  /** Chain ID of all layers; `null` for an image without layers. */
  readonly chainId: ChainId | null;
  /** The layers, lowest first. */
  readonly layers: readonly LoadedLayer[];
}

/**
 * Describes an image after the commit. If it has several manifests, the description is that of the manifest that fits
 * the platform `host` best, or of the first manifest if none fits.
 */
export function loadedImage(
  image: StagedImage,
  { layers: records }: IngestResult,
  host: Platform | undefined,
): LoadedImage {
  const { imageId, layers } = primary(image.manifests, host);
  const chains = chainIds(layers.map(({ diffId }) => diffId));
  const cacheIds = new Map(records.map(({ diffId, cacheId }) => [diffId, cacheId]));
  return {
    names: image.names.length > 0 ? image.names : [namelessImage(image.target.digest)],
    imageId,
    manifest: image.target.digest,
    chainId: chains.at(-1) ?? null,
    layers: layers.map((layer, i): LoadedLayer => ({
      digest: layer.digest,
      diffId: layer.diffId,
      chainId: chains[i] as ChainId,
      size: layer.size,
      uncompressedSize: layer.uncompressedSize,
      cacheId: cacheIds.get(layer.diffId) ?? 0,
      processed: layer.processed,
      warnings: layer.warnings,
    })),
  };
}

function primary(
  manifests: readonly StagedManifest[],
  host: Platform | undefined,
): StagedManifest {
  const [first] = manifests;
  if (first === undefined) throw new Error("a staged image has no manifest");
  if (host === undefined) return first;
  const ranked = manifests
    .map((manifest) => ({ manifest, rank: matchPlatform(host, manifest.platform) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return ranked[0]?.manifest ?? first;
}
