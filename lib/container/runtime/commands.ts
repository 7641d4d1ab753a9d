/** Command lines of runtimes, and the shell scripts around them. */
import type { Runtime } from "./find.ts";

/** A program with its arguments. */
export interface CommandLine {
  /** The program. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
}

/** Names of files in the directory of a run. */
export const RUN_FILES = {
  bundle: "bundle",
  rootfs: "rootfs",
  /** State of the runtime. */
  runtime: "runtime",
  /** What the runtime says of its own failures, JSON a line. */
  log: "log",
  /** The container's first process, as the runtime writes it. */
  pid: "pid",
  /** The runtime's process: pid and start time. */
  runner: "runner",
  /** The first process without a runtime: pid and start time. */
  first: "first",
  /** There while the container is paused. */
  paused: "paused",
  /** What enters a container without a runtime. */
  enter: "enter.sh",
  lock: "lock",
  state: "state.json",
} as const;

/** Notes pid and start time of the shell itself. The two never come again together. */
export const NOTE_SELF: string = 'note() { read -r stat </proc/self/stat && set -- "$1" $stat && ' +
  'echo "$2 ${23}" >"$1"; }';

const HIDE_UNIFIED = 'umount /sys/fs/cgroup/unified; exec "$@"';

/** A call of a runtime on the containers of one run. */
export function runtimeCall(
  { program, hideUnified }: Runtime,
  directory: string,
  args: readonly string[],
): CommandLine {
  const call = [program, "--root", `${directory}/${RUN_FILES.runtime}`, ...args];
  // Only this call sees it hidden: it has a mount namespace of its own.
  const whole = hideUnified
    ? ["unshare", "-m", "--propagation", "slave", "sh", "-c", HIDE_UNIFIED, "sh", ...call]
    : call;
  return { program: whole[0] as string, args: whole.slice(1) };
}

/** Runs a container in the foreground, under a process that is noted first. */
export function runCommand(runtime: Runtime, directory: string, id: string): CommandLine {
  const file = (name: string) => `${directory}/${name}`;
  const { program, args } = runtimeCall(runtime, directory, [
    "--log",
    file(RUN_FILES.log),
    "--log-format",
    "json",
    "run",
    "--bundle",
    file(RUN_FILES.bundle),
    "--pid-file",
    file(RUN_FILES.pid),
    id,
  ]);
  return noted(directory, [program, ...args]);
}

/** A command whose process is noted before it begins. */
export function noted(directory: string, command: readonly string[]): CommandLine {
  const script = `${NOTE_SELF}; note "$1" || exit 125; shift; exec "$@"`;
  return {
    program: "sh",
    args: ["-c", script, "sh", `${directory}/${RUN_FILES.runner}`, ...command],
  };
}

/** What the watchdog is told by who ends a run in order. */
export const ENDED = "ended";

/**
 * Waits for the end of its input, that is, for the end of whoever began the run,
 * also by `kill -9`. Then it ends what is left of the run, and removes it: first the
 * runtime, so that it cannot begin anything more, then the container, the mount,
 * the files. It can be run again, and by several at once.
 *
 * Arguments: directory, id, name of the runtime, its program, 1 to hide cgroup
 * version 2; a terminal and its settings to put back, or nothing twice; then a
 * command that follows, unless the input said that whoever began the run ended it.
 */
export const WATCHDOG: string = `
dir=$1 id=$2 name=$3 program=$4 hide=$5 tty=$6 settings=$7
shift 7
read -r word
call() {
  if [ "$hide" = 1 ]; then
    unshare -m --propagation slave sh -c '${HIDE_UNIFIED}' sh "$program" --root "$dir/runtime" "$@"
  else
    "$program" --root "$dir/runtime" "$@"
  fi
}
end() {
  read -r pid start <"$1" && read -r stat </proc/"$pid"/stat || return 0
  set -- \${stat##*) }
  [ "\${20}" = "$start" ] && kill -9 "$pid" || return 0
  for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" || break; sleep 0.02; done
}
remove_group() {
  for try in 1 2 3 4 5 6 7 8 9 10; do
    [ -d "$1" ] || break
    echo THAWED >"$1/freezer.state"
    echo 0 >"$1/cgroup.freeze"
    find "$1" -name cgroup.procs -exec cat {} + | xargs -r kill -9
    find "$1" -depth -type d -exec rmdir {} + || sleep 0.02
  done
}
exec 2>/dev/null
end "$dir/runner"
if [ "$name" = chroot ]; then
  end "$dir/first"
else
  for try in 1 2 3; do
    [ -e "$dir/runtime/$id" ] || break
    [ ! -e "$dir/paused" ] || call resume "$id"
    call delete --force "$id"
  done
  # A runtime that was killed early has made groups that it does not know of.
  for group in /sys/fs/cgroup/"$id" /sys/fs/cgroup/*/"$id"; do remove_group "$group"; done
fi
while umount -l "$dir/rootfs"; do :; done
rmdir "$dir/rootfs"
[ -e "$dir/rootfs" ] || rm -rf "$dir"
[ -z "$tty" ] || stty "$settings" <"$tty"
[ "$word" = ${ENDED} ] || [ $# = 0 ] || exec "$@"
exit 0
`;

/** The command line of {@linkcode WATCHDOG}. */
export function watchdogCommand(
  runtime: Runtime,
  directory: string,
  id: string,
  terminal?: { readonly path: string; readonly settings: string },
  sweep: readonly string[] = [],
): CommandLine {
  const { name, program, hideUnified } = runtime;
  const { path = "", settings = "" } = terminal ?? {};
  const args = [directory, id, name, program, hideUnified ? "1" : "0", path, settings, ...sweep];
  return { program: "sh", args: ["-c", WATCHDOG, "varve-watchdog", ...args] };
}
