/**
 * What other rooms need of trees; not part of the public API.
 *
 * @module
 */
export { equalAttributes } from "./equal_attributes.ts";
export { rowAt } from "./lookup.ts";
export { mapKey } from "./map_key.ts";
export { unlessLost } from "./merge/overlay_rules.ts";
export { OverlayView } from "./merge/overlay_view.ts";
export { overlaySteps } from "./merge/overlay_trees.ts";
export { isOtherTreeVersion } from "./packed/file_format.ts";
export { parentPath } from "./path.ts";
export { type Places, resolveIn } from "./resolve.ts";
export { finishSteps, type Steps, withCheckpoints } from "./steps.ts";
export { TYPE_LETTERS } from "./type_letters.ts";
