/**
 * What other rooms need of the layer job; not part of the public API.
 *
 * @module
 */
export { compressInPool } from "./compress_job.ts";
export type { LayerJobInput, LayerSource } from "./contract.ts";
export { layerFrontJob, type LayerHalfInput } from "./layer_halves.ts";
export { chooseInflater } from "./inflater_choice.ts";
export { buffersOf, layerJob } from "./layer_job.ts";
export { layerRules } from "./rules.ts";
export { LayerScanner } from "./scanner.ts";
