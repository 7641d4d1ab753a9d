import type { Runtime } from "./runtime/find.ts";

/** One run of a container. All code that starts, pauses, signals or cleans up a container takes this value. */
export interface ContainerRun {
  /** Name that the runtime gives the container and its cgroups. */
  readonly id: string;
  /** Key of the container's snapshot. */
  readonly key: string;
  /** Absolute path of the run's directory, which holds the {@linkcode RUN_FILES}. */
  readonly directory: string;
  /** The runtime that runs it. */
  readonly runtime: Runtime;
}

/** Names of the files in the directory of a run. */
export const RUN_FILES = {
  /** Directory of the OCI bundle: `config.json` and files for the container's `/etc`. */
  bundle: "bundle",
  /** Mount point of the container's root. */
  rootfs: "rootfs",
  /** State directory of the runtime. */
  runtime: "runtime",
  /** The runtime's log of its own failures, with a JSON document on each line. Without a runtime, what programs said. */
  log: "log",
  /** Pid of the container's first process, written when it has begun. */
  pid: "pid",
  /** Pid and start time of the runtime's process. */
  runner: "runner",
  /** Pid and start time of the first process of a container without a runtime. */
  first: "first",
  /** Exists while the container is paused, and is locked by the process that paused it. */
  paused: "paused",
  /** Shell script that enters a container without a runtime. */
  enter: "enter.sh",
  /** Locked by the process that runs the container, until the run ends. */
  lock: "lock",
  /** Description of the run for other processes. */
  state: "state.json",
} as const;
