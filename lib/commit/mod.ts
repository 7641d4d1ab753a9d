/**
 * Turns snapshots and directories into images and tars.
 *
 * {@linkcode commitSnapshot} makes an image from the changes in a snapshot. {@linkcode importDirectory} makes an image
 * from a plain directory. {@linkcode exportSnapshot} writes a snapshot as a flat tar. {@linkcode snapshotTrees} reads a
 * snapshot as trees, for a comparison.
 *
 * @module
 */
export { commitSnapshot } from "./commit_snapshot.ts";
export type { CommitImageOptions, CommittedImage } from "./contract.ts";
export { exportSnapshot, type ExportSnapshotOptions } from "./export_snapshot.ts";
export { importDirectory } from "./import_directory.ts";
export {
  type SnapshotLayerTree,
  type SnapshotTrees,
  snapshotTrees,
  type SnapshotTreesOptions,
} from "./snapshot_trees.ts";
