/**
 * The jobs of registries, for worker entries: no more is loaded there than they need.
 *
 * @module
 */
export {
  networkJobs,
  type NetworkLayerInput,
  networkLayerJob,
  type NetworkSource,
} from "./network_layer.ts";
