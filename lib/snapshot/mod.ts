/**
 * Snapshots: the states of a file system, from an image's layers to a running container's changes.
 *
 * A {@linkcode Snapshotter} prepares, views, commits and removes snapshots, with containerd's rules. The comment at the
 * top of `contract.ts` describes the life of a snapshot. How the parts work together:
 *
 * - `contract.ts` has the types and what each call promises;
 * - `machine.ts` is the state machine: pure transitions over the rows of one transaction, with
 *   `keys.ts` (what a key and a label may be) and `snapshot_filter.ts` (containerd's filters);
 * - `snapshotter.ts`, made by `create_snapshotter.ts`, joins rows, directories and a driver: a directory first, its row last;
 * - `drivers/` turn layers and directories into mounts, which are values. `select.ts` tries them and
 *   makes the best that works: `erofs` (layers as one composed image), `overlay` (layers as
 *   directories), `native` (copies);
 * - `adopt.ts` makes a snapshot again of a directory whose row was lost;
 * - `mount_leases.ts` compares the leases of mounts with what the kernel says is mounted, and `lease_resources.ts` says
 *   what such a lease protects;
 * - `writable_snapshot.ts` opens the read-write snapshot of an image for a mount or a container; `image_labels.ts`
 *   records which image that is; `top_lower.ts` adds a lower to its mounts, or makes them read-only.
 *
 * @module
 */
export { type AdoptOptions, adoptSnapshot } from "./adopt.ts";
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
export { createSnapshotter, type SnapshotterOptions } from "./create_snapshotter.ts";
export type { ExtractProgress } from "./drivers/driver_options.ts";
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
export type { SnapshotScope } from "../store/mod.ts";
