import type { CompressLimits } from "../codec/compress/mod.ts";
import type { TarLimits } from "../codec/tar/mod.ts";
import type { LayerLimits, LayerPolicy } from "../layer/mod.ts";
import type { InflaterName } from "./inflater_choice.ts";

/**
 * Rules for reading and checking a layer: what it may hold, its limits, and the library that
 * inflates it. A caller's options and the job's input both have these fields. Absent fields have
 * defaults.
 */
export interface LayerRules {
  /** What a layer may hold, such as devices. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /**
   * Limits of the layer's tree. The limits on entries and paths apply to the archive too, unless
   * `streamLimits` has others.
   */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Limits of the archive and of the compression. */
  readonly streamLimits?: Partial<TarLimits & CompressLimits> | undefined;
  /**
   * The library that inflates gzip. Default: `"auto"`, the fastest library that is installed and
   * passes its self-test.
   */
  readonly inflater?: InflaterName | undefined;
}

/**
 * Picks the rules out of a caller's options. The input of a job crosses threads, so it must hold no
 * other option.
 */
export function layerRules({ policy, limits, streamLimits, inflater }: LayerRules): LayerRules {
  return { policy, limits, streamLimits, inflater };
}
