/**
 * Containers: the running state of images. A container is a read-write snapshot
 * with a name, a bundle made from the image's config, and a runtime: runc, crun,
 * or programs of util-linux.
 *
 * @module
 */
export type * from "./contract.ts";
export { type ContainerInfo, listContainers } from "./list.ts";
export { CommandError } from "./root/executable.ts";
export {
  CHROOT_TOOLS,
  findRuntime,
  hasHybridCgroups,
  hasOnlyUnifiedCgroups,
  INIT_PROGRAMS,
} from "./runtime/find.ts";
export { type Runtime, type RuntimeName, RUNTIMES } from "./runtime/find.ts";
export { parseVolume, type Volume } from "./bundle/volume.ts";
export type { ProcessOptions } from "./bundle/process.ts";
export { pauseContainer, type PausedContainer } from "./pause.ts";
export { reapRuns } from "./reap.ts";
export { runContainer } from "./run.ts";
export { refuseRunning } from "./run_directory.ts";
