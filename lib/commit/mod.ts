/**
 * Commits: snapshots and directories become layers of new images, or flat tars.
 *
 * @module
 */
export { commitSnapshot } from "./commit_snapshot.ts";
export type { CommitImageOptions, CommittedImage } from "./contract.ts";
export { exportSnapshot, type ExportSnapshotOptions } from "./export_snapshot.ts";
export { importDirectory } from "./import_directory.ts";
export { type SnapshotTrees, snapshotTrees, type SnapshotTreesOptions } from "./snapshot_trees.ts";
