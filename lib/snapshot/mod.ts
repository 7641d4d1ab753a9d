/**
 * Snapshots: images' layers as mounts and directories.
 *
 * A snapshotter keeps containerd's state machine over a store; a driver turns
 * layers into mounts, which are values; `mountImage` performs them, and
 * `unpackImage` makes plain files.
 *
 * @module
 */
export type * from "./contract.ts";
export { attributeTree } from "./attribute_tree.ts";
export { copyAttributesFd } from "./copy_attributes.ts";
export { disinherit } from "./inherited.ts";
export {
  type DriverFinding,
  DRIVERS,
  judgeDriver,
  type KernelPart,
  selectDriver,
  type SelectDriverOptions,
} from "./drivers/select.ts";
export { overlayMounts, type OverlayUpper } from "./drivers/overlay_plan.ts";
export { composeChain, type ComposedChain, type ComposeOptions } from "./compose/compose_chain.ts";
export { warmUpCompose } from "./compose/warm_up.ts";
export type { ComposedImage } from "./compose/contract.ts";
export { overlayWorks } from "./drivers/overlay_probe.ts";
export * from "./extract/mod.ts";
export { type ExtractForm, extractJob, type ExtractJobInput } from "./extract/job.ts";
export * from "./commit/mod.ts";
export { exportSnapshot, type ExportSnapshotOptions } from "./export_snapshot.ts";
export { importDirectory } from "./import_directory.ts";
export { compileFilters } from "./filter.ts";
export { liveMounts, MOUNT_LABEL, refuseBusy } from "./mount_books.ts";
export {
  checkMountTarget,
  type MountedImage,
  mountImage,
  type MountImageOptions,
} from "./mount_image.ts";
export { createSnapshotter, type SnapshotterOptions } from "./snapshotter.ts";
export { addStubs, initDirectory, readStubs, type Stub } from "./stubs.ts";
export { readOnlyMount, withTopLower } from "./top_lower.ts";
export { unmountImage, type UnmountImageOptions } from "./unmount_image.ts";
export { unpackImage, type UnpackOptions } from "./unpack.ts";
export * from "./scan/mod.ts";
