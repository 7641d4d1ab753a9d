/** Command lines: calls of a runtime, the watchdog, and commands that record their process. */
import { type ContainerRun, RUN_FILES } from "../container_run.ts";
import type { SavedTerminal } from "../terminal.ts";
import type { Runtime } from "./find.ts";
import { WATCHDOG_SCRIPT } from "./watchdog_script.ts";

/** A program with its arguments. */
export interface CommandLine {
  /** Path or name of the program. */
  readonly program: string;
  /** Its arguments, without the program itself. */
  readonly args: readonly string[];
}

/**
 * Shell function `note FILE`: writes pid and start time of the shell itself into a file. Together they identify a
 * process: a pid can be reused, but not with the same start time.
 */
export const NOTE_SELF: string = 'note() { read -r stat </proc/self/stat && set -- "$1" $stat && ' +
  'echo "$2 ${23}" >"$1"; }';

/** Hides cgroup version 2 in this mount namespace, then becomes the command. */
const HIDE_UNIFIED = 'umount /sys/fs/cgroup/unified; exec "$@"';

/** A call of the runtime on the containers of one run. */
export function runtimeCall(
  { directory, runtime: { program, hideUnified } }: ContainerRun,
  args: readonly string[],
): CommandLine {
  const call = [program, "--root", `${directory}/${RUN_FILES.runtime}`, ...args];
  // Use a new mount namespace, so that version 2 is hidden only from this call.
  const whole = hideUnified
    ? ["unshare", "-m", "--propagation", "slave", "sh", "-c", HIDE_UNIFIED, "sh", ...call]
    : call;
  return { program: whole[0] as string, args: whole.slice(1) };
}

/** Runs the container in the foreground. The runtime's process is recorded first. */
export function runCommand(run: ContainerRun): CommandLine {
  const file = (name: string) => `${run.directory}/${name}`;
  const { program, args } = runtimeCall(run, [
    "--log",
    logArgument(run.runtime, file(RUN_FILES.log)),
    "--log-format",
    "json",
    "run",
    "--bundle",
    file(RUN_FILES.bundle),
    "--pid-file",
    file(RUN_FILES.pid),
    run.id,
  ]);
  return noted(run.directory, [program, ...args]);
}

/** To crun, a text with a colon is the kind of a log, and what it takes. */
function logArgument({ name }: Runtime, path: string): string {
  return name === "crun" && path.includes(":") ? `file:${path}` : path;
}

/** A command that records its own process in {@linkcode RUN_FILES.runner} before it begins. */
export function noted(directory: string, command: readonly string[]): CommandLine {
  const script = `${NOTE_SELF}; note "$1" 2>/dev/null || exit 125; shift; exec "$@"`;
  return {
    program: "sh",
    args: ["-c", script, "sh", `${directory}/${RUN_FILES.runner}`, ...command],
  };
}

/** Task of a watchdog. */
export interface WatchdogTask {
  /** The run to clean up. */
  readonly run: ContainerRun;
  /** The terminal whose settings to restore. */
  readonly terminal?: SavedTerminal | undefined;
  /** A command to execute at the end, unless the run ended normally. */
  readonly sweep?: readonly string[] | undefined;
}

/** The command line of {@linkcode WATCHDOG_SCRIPT}. */
export function watchdogCommand({ run, terminal, sweep = [] }: WatchdogTask): CommandLine {
  const { name, program, hideUnified } = run.runtime;
  const { path = "", settings = "" } = terminal ?? {};
  const hide = hideUnified ? "1" : "0";
  const args = [run.directory, run.id, name, program, hide, path, settings, ...sweep];
  return { program: "sh", args: ["-c", WATCHDOG_SCRIPT, "varve-watchdog", ...args] };
}
