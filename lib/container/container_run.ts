import type { Runtime } from "./runtime/find.ts";

/** One run of a container, as everything that starts, pauses, signals or cleans it up needs it. */
export interface ContainerRun {
  /** Name of the container at the runtime, and of its cgroups. */
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
  /** The runtime's log of its own failures, a JSON document a line. */
  log: "log",
  /** Pid of the container's first process, written by the runtime. */
  pid: "pid",
  /** Pid and start time of the runtime's process. */
  runner: "runner",
  /** Pid and start time of the first process of a container without a runtime. */
  first: "first",
  /** Exists while the container is paused. */
  paused: "paused",
  /** Shell script that enters a container without a runtime. */
  enter: "enter.sh",
  /** Locked while the process that runs the container lives. */
  lock: "lock",
  /** What other processes know of the run. */
  state: "state.json",
} as const;
