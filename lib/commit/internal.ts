/**
 * What other rooms need to make a layer of a snapshot; not part of the public API.
 *
 * @module
 */
export { emptyLayer } from "./empty_layer.ts";
export { openSnapshotFiles, type SnapshotFiles } from "./snapshot_files.ts";
export { type ReadSnapshotOptions, readTopLayer, type SnapshotLayer } from "./snapshot_layers.ts";
export { type SnapshotSource, sourceOf } from "./snapshot_source.ts";
