import type { LayerRules } from "../layer_job/mod.ts";
import type { OciLimits, Platform } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** How far the load of one layer is. */
export interface LoadProgress {
  /** What the layer is called: its digest, its diffID, or its name in the archive. */
  readonly layer: string;
  /** Compressed size in bytes; 0 where it is not known yet. */
  readonly total: number;
  /** Compressed bytes consumed. */
  readonly read: number;
  /** Uncompressed bytes made. */
  readonly written: number;
  /** `present`: the store held it, verified. */
  readonly state: "begin" | "running" | "done" | "present";
}

/** Options of `loadImages`, and of all that brings layers into a store. */
export interface LoadOptions extends LayerRules {
  /** Runs the layer jobs; a pool of its own, disposed afterwards, when absent. */
  readonly pool?: Pool | undefined;
  /** The image's name instead of those that the archive gives. */
  readonly name?: string | undefined;
  /** Only this platform of an index; all that the archive holds when absent. */
  readonly platform?: Platform | undefined;
  /** The platform that the result describes when an index holds several. */
  readonly host?: Platform | undefined;
  /** Aborts the load; nothing of it stays. */
  readonly signal?: AbortSignal | undefined;
  /** Called often, for each layer. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Called for what was left out or looked odd. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** What the image's documents may hold. */
  readonly ociLimits?: Partial<OciLimits> | undefined;
}
