import type { CompressLimits } from "../codec/compress/mod.ts";
import type { TarLimits } from "../codec/tar/mod.ts";
import type { LayerLimits, LayerPolicy } from "../layer/mod.ts";
import type { InflaterName } from "./inflater_choice.ts";

/** How layers are read and judged, where not by default: one record, from the caller's options to the job. */
export interface LayerRules {
  /** What a layer may hold, such as devices. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of the layer's tree. The archive's limits on entries and paths follow them. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Limits of the archive and of the compression. */
  readonly streamLimits?: Partial<TarLimits & CompressLimits> | undefined;
  /** What inflates gzip; `"auto"`, the fastest that is here and proved itself, when absent. */
  readonly inflater?: InflaterName | undefined;
}

/** The rules among the options of a caller, and nothing else: a job's input crosses threads. */
export function layerRules({ policy, limits, streamLimits, inflater }: LayerRules): LayerRules {
  return { policy, limits, streamLimits, inflater };
}
