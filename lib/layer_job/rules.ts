import type { CompressLimits } from "../codec/compress/mod.ts";
import type { TarLimits } from "../codec/tar/mod.ts";
import type { LayerLimits, LayerPolicy } from "../layer/mod.ts";
import type { InflaterName } from "./inflater_choice.ts";

/**
 * How layers are read and judged: one record, from the caller's options to the job. Defaults stand for
 * what is absent.
 */
export interface LayerRules {
  /** What a layer may hold, such as devices. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of the layer's tree. The archive's limits on entries and paths follow them. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Limits of the archive and of the compression. */
  readonly streamLimits?: Partial<TarLimits & CompressLimits> | undefined;
  /** What inflates gzip; `"auto"` when absent: the fastest that is installed and passes its self-test. */
  readonly inflater?: InflaterName | undefined;
}

/** Picks the rules out of a caller's options: the input of a job crosses threads and must hold nothing else. */
export function layerRules({ policy, limits, streamLimits, inflater }: LayerRules): LayerRules {
  return { policy, limits, streamLimits, inflater };
}
