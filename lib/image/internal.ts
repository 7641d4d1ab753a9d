/**
 * What other rooms need to move images. It is not part of the public API.
 *
 * @module
 */
export type * from "./contract.ts";
export { ingestContent, ingestImages, type IngestOptions } from "./image_ingest.ts";
export { originOf, sourceOf } from "./image_origin.ts";
export { imageView } from "./image_view.ts";
export { importLayer } from "./import_image.ts";
export { inputError, layerError } from "./input_error.ts";
export { statInput } from "./input_file.ts";
export { StoreLayerIngest } from "./layer_ingest.ts";
export { type ImagePlan, type PlannedDocument, planStored, targetOf } from "./plan.ts";
export {
  type PlannedImage,
  planSelected,
  type SelectedPlanOptions,
} from "./planned/planned_image.ts";
export { plannedSource } from "./planned/planned_source.ts";
export { type ReadImage, readSource, type ReadSourceOptions } from "./source/read_source.ts";
export { newName } from "./new_image.ts";
export { allChunks, openInput, rangeChunks, readAhead, readRange } from "./read_range.ts";
export { skipBytes, storedBlobs } from "./stored_blobs.ts";
export { openContent } from "./content.ts";
export { bringLayers, IMAGES_AT_ONCE } from "./stage/stage_documents.ts";
