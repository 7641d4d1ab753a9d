import type { DiffId } from "../digest/mod.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import type { OciLimits, Platform } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** Progress of one layer. */
export interface LoadProgress {
  /**
   * Name of the layer, the same in each report about the layer. It is the diffID. If no document has named the diffID
   * yet, it is the digest of the blob or its name in the archive.
   */
  readonly layer: string;
  /** DiffID of the layer; `undefined` until it is verified. */
  readonly diffId?: DiffId | undefined;
  /** Compressed size in bytes; 0 while unknown. */
  readonly total: number;
  /** Compressed bytes read so far. */
  readonly read: number;
  /** Uncompressed bytes written so far. */
  readonly written: number;
  /** `waiting`: nothing is done for the layer yet. `present`: the store had the verified layer already. */
  readonly state: "waiting" | "begin" | "running" | "done" | "present";
}

/** Options of `loadImages`, and of other functions that add layers to a store. */
export interface LoadOptions extends LayerRules {
  /** Runs the layer jobs. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Name for the image, instead of its names in the archive. */
  readonly name?: string | undefined;
  /** Load only this platform of an index. When absent, load all platforms that the archive has. */
  readonly platform?: Platform | undefined;
  /**
   * The preferred platform when `platform` is absent and an index has several. The result of `loadImages` describes the
   * image for this platform. Functions that make a new image start from the image for this platform.
   */
  readonly host?: Platform | undefined;
  /** Aborts the load. Nothing becomes visible then. */
  readonly signal?: AbortSignal | undefined;
  /** Called often, with the progress of each layer. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Called with a message about something that was left out or is unusual. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Limits for the documents of the image, where they differ from the defaults. */
  readonly ociLimits?: Partial<OciLimits> | undefined;
}
