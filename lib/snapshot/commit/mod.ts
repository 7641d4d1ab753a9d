/**
 * Commits: snapshots become layers of new images.
 *
 * @module
 */
export { commitSnapshot } from "./commit.ts";
export type { CommitImageOptions, CommittedImage } from "./contract.ts";
export { IMAGE_MANIFEST_LABEL, IMAGE_NAME_LABEL, imageLabels } from "./parent_image.ts";
export { type SnapshotTrees, snapshotTrees, type SnapshotTreesOptions } from "./trees.ts";
