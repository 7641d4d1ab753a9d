import type { CompressLimits } from "../codec/compress/mod.ts";
import type { TarLimits } from "../codec/tar/mod.ts";
import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import type { LayerLimits, LayerPolicy, Warning } from "../layer/mod.ts";
import type { InflaterName } from "../layer_job/mod.ts";
import type { OciLimits, Platform } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** How far the load of one layer is. */
export interface LoadProgress {
  /** What the layer is called: its digest, its diffID, or its name in the archive. */
  readonly layer: string;
  /** Compressed bytes in all. */
  readonly total: number;
  /** Compressed bytes consumed. */
  readonly read: number;
  /** Uncompressed bytes made. */
  readonly written: number;
  /** Begun, running, done, or already here. */
  readonly state: "begin" | "running" | "done" | "present";
}

/** Options of {@linkcode loadImages}. */
export interface LoadOptions {
  /** Runs the layer jobs; one of its own (ended afterwards) when absent. */
  readonly pool?: Pool | undefined;
  /** The image's name instead of those that the archive gives. */
  readonly name?: string | undefined;
  /** Only this platform of an index; all that the archive holds when absent. */
  readonly platform?: Platform | undefined;
  /** The platform that the result describes when an index holds several. */
  readonly host?: Platform | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called often, for each layer. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Called for what was left out or looked odd. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** What layers may hold. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** What the tree of a layer may hold. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** What a layer's archive and compression may ask for. */
  readonly streamLimits?: Partial<TarLimits & CompressLimits> | undefined;
  /** What inflates gzip; `"auto"`, the fastest that is here and proved itself, when absent. */
  readonly inflater?: InflaterName | undefined;
  /** What the image's documents may hold. */
  readonly ociLimits?: Partial<OciLimits> | undefined;
}

/** A layer of a loaded image. */
export interface LoadedLayer {
  /** Digest of the blob, as the manifest names it. */
  readonly digest: Digest;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Names the stack up to this layer. */
  readonly chainId: ChainId;
  /** Bytes of the blob. */
  readonly size: number;
  /** Bytes of the uncompressed tar. */
  readonly uncompressedSize: number;
  /** The on-disk id. */
  readonly cacheId: number;
  /** Whether its bytes were processed now; false when the store held it, verified. */
  readonly processed: boolean;
  /** What was dropped or looked odd. */
  readonly warnings: readonly Warning[];
}

/** A loaded image. */
export interface LoadedImage {
  /** All names it was given. */
  readonly names: readonly string[];
  /** Digest of the config. */
  readonly imageId: Digest;
  /** Digest of the target: a manifest or an index. */
  readonly manifest: Digest;
  /** Names the whole stack; `null` for an image without layers. */
  readonly chainId: ChainId | null;
  /** Lowest first. */
  readonly layers: readonly LoadedLayer[];
}
