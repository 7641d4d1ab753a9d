/**
 * The exports of the store that only other rooms need, which are not part of the public API:
 * narrowing a store to a disk store, the names of files on the disk and of a label, the name of
 * an image that nobody has named, the raw rows, files and markers that a check compares, and the writes of a repair.
 *
 * @module
 */
export { attempt } from "./attempt.ts";
export { factOf, type FileFact, type HomeFact } from "./disk/inspect/files.ts";
export {
  betweenCommits,
  type BlobFiles,
  blobFiles,
  homeIn,
  homePath,
  homesIn,
  indexTexts,
  isOwnerOpen,
  isTopName,
  topFacts,
} from "./disk/inspect/places.ts";
export {
  adoptBlob,
  adoptLayer,
  adoptSnapshot,
  checkRepairable,
  type DerivedTree,
  discardBlob,
  discardDerived,
  discardOrphan,
  dropBlobRow,
  forgetDirectory,
  keepSnapshot,
  linkBlob,
  noteDamaged,
  noteSound,
  replaceTree,
  restoreIndex,
  restoreMarker,
  restoreMode,
  restoreSnapshotMarker,
  stagedTree,
} from "./disk/inspect/repairs.ts";
export { adoptChain, restoreChain, restoreProofs } from "./disk/inspect/row_repairs.ts";
export { wrongParts } from "./disk/inspect/parts.ts";
export { checkPages, readRows, type StoreRows } from "./disk/inspect/rows.ts";
export { ACCEPTED_RULES } from "./disk/derived/accepted_rules.ts";
export {
  type CopiedRows,
  copyDatabaseTo,
  forgetSnapshots,
  hasStill,
  mustHold,
} from "./disk/inspect/database_copy.ts";
export { holderOf, lockOpenFile, lockServing, servingProcess } from "./disk/lock.ts";
export { countParts, plannedPaths, reachedFrom } from "./disk/inspect/usage.ts";
export { inodesAt, type InodeUse } from "./disk/gc/inodes.ts";
export { DiskBytes } from "./disk/gc/sizes.ts";
export type { LayerMarker, Marker } from "./disk/markers/marker_format.ts";
export { CACHE_BOUNDS } from "./cache_bounds.ts";
export {
  aboveName,
  derivedName,
  DRIVER_FILES,
  GENERATION,
  isComposedName,
  LAYER_FILES,
  LAYOUT_FILES,
  MARKER,
  parseDerivedName,
  RELEASED_LABEL,
  ROOT_FILES,
  SNAPSHOT_FILES,
} from "./disk/names.ts";
export { IMAGE_MANIFEST_LABEL } from "./image_labels.ts";
export { platformCandidates } from "./image_lookup.ts";
export { microseconds } from "./microseconds.ts";
export { requireDisk } from "./disk_store.ts";
export { SNAPSHOT_REF_LABEL } from "./snapshot_table.ts";
export { SNAPSHOT_SCOPES, snapshotThing } from "./snapshot_scope.ts";
export { NAMELESS, namelessImage } from "./rules.ts";
export { disposeAtEnd } from "./streams.ts";
