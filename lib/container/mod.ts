/**
 * Containers: images that run. A container is a read-write snapshot with a name, a bundle made from the
 * image's config, and a runtime: runc, crun, or programs of util-linux.
 *
 * `runContainer` (`run.ts`) goes through these steps:
 *
 * 1. `reap.ts` repairs what dead runs left;
 * 2. `container_snapshot.ts` opens the snapshot and locks it against other users;
 * 3. `run_directory.ts` makes the directory of the run, in which other processes find the container, and
 *    `watchdog.ts` starts the process that cleans up after the run, even if varve itself is killed;
 * 4. `container_records.ts` records the start in the store: labels of the snapshot, and a lease;
 * 5. `make_bundle.ts` mounts the root and writes the OCI bundle. `root/` makes the mount points that the image lacks,
 *    in a separate lower, so that a commit does not include them; `bundle/` makes the configuration from image and
 *    options;
 * 6. `supervise.ts` starts the runtime (`runtime/`), forwards signals, and waits for the exit code;
 * 7. the watchdog unmounts and removes everything, and the end is recorded.
 *
 * `startContainer` (`start.ts`) runs a container again, with the options that `start_options.ts` keeps in labels.
 * `list.ts` shows the containers and only reads; `pause.ts` pauses a container while its files are copied.
 * A `ContainerRun` describes one run to all of these parts: its id, key, directory and runtime.
 *
 * @module
 */
export type { ProcessOptions } from "./bundle/process.ts";
export { parseTmpfs, parseVolume, type Volume } from "./bundle/volume.ts";
export type { ContainerEnd, RunContainerOptions } from "./contract.ts";
export { type ImageUser, imageUsers } from "./image_users.ts";
export { type ContainerInfo, listContainers } from "./list.ts";
export { pauseContainer, type PausedContainer } from "./pause.ts";
export { reapRuns } from "./reap.ts";
export { CommandError } from "./root/executable.ts";
export { runContainer } from "./run.ts";
export { startContainer, type StartContainerOptions } from "./start.ts";
export { refuseRunning } from "./run_directory.ts";
export {
  CHROOT_TOOLS,
  findRuntime,
  hasHybridCgroups,
  hasOnlyUnifiedCgroups,
  INIT_PROGRAMS,
  type Runtime,
  type RuntimeName,
  RUNTIMES,
} from "./runtime/find.ts";
