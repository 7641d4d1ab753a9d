/**
 * Snapshots: images' layers as mounts and directories.
 *
 * A snapshotter keeps containerd's state machine over a store; a driver turns layers into mounts, which
 * are values.
 *
 * @module
 */
export type {
  Ancestor,
  CommitOptions,
  Driver,
  DriverName,
  DriverRequest,
  PrepareOptions,
  SnapshotInfo,
  Snapshotter,
  Usage,
} from "./contract.ts";
export { overlayMounts, type OverlayUpper } from "./drivers/overlay_plan.ts";
export {
  type DriverFinding,
  DRIVERS,
  judgeDriver,
  type KernelPart,
  selectDriver,
  type SelectDriverOptions,
} from "./drivers/select.ts";
export { IMAGE_MANIFEST_LABEL, IMAGE_NAME_LABEL, imageLabels } from "./image_labels.ts";
export { liveMounts, MOUNT_LABEL } from "./mount_leases.ts";
export { createSnapshotter, type SnapshotterOptions } from "./snapshotter.ts";
