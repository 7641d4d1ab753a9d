/** The word on the watchdog's input that means that the run ended normally. */
export const ENDED = "ended";

/**
 * The watchdog: a program for sh(1) that cleans up after a run, whatever ended the run.
 *
 * It waits for one line of input, or for the end of the input. The input also ends when the process that began the run
 * is killed by `kill -9`. Then the script ends what is left of the run and removes it: first the runtime, so that
 * nothing more can begin, then the container, its mount and its files. The script is idempotent, and several processes
 * may run it at the same time.
 *
 * Arguments:
 * 1. directory of the run;
 * 2. name that the runtime gives the container;
 * 3. name of the runtime: `runc`, `crun` or `chroot`;
 * 4. program of the runtime;
 * 5. `1` to hide cgroup version 2 from the runtime, else `0`;
 * 6. path of a terminal, or nothing;
 * 7. the terminal's settings for stty(1), or nothing;
 *
 * then a command that is executed at the end, unless the line was {@linkcode ENDED}.
 *
 * The script is a string in a module, so that it is available wherever the module is: on disk, over http, and in a
 * compiled program.
 */
export const WATCHDOG_SCRIPT: string = `
dir=$1 id=$2 name=$3 program=$4 hide=$5 tty=$6 settings=$7
shift 7
read -r word

# Calls the runtime on this run's containers.
call() {
  if [ "$hide" = 1 ]; then
    unshare -m --propagation slave sh -c 'umount /sys/fs/cgroup/unified; exec "$@"' \\
      sh "$program" --root "$dir/runtime" "$@"
  else
    "$program" --root "$dir/runtime" "$@"
  fi
}

# Kills the process that a file names by pid and start time, and waits until it is gone.
end() {
  read -r pid start <"$1" && read -r stat </proc/"$pid"/stat || return 0
  set -- \${stat##*) }
  [ "\${20}" = "$start" ] && kill -9 "$pid" || return 0
  for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" || break; sleep 0.02; done
}

# Thaws a cgroup, kills its processes and removes it.
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
end "$dir/first"
if [ "$name" != chroot ]; then
  for try in 1 2 3; do
    [ -e "$dir/runtime/$id" ] || break
    [ ! -e "$dir/paused" ] || call resume "$id"
    call delete --force "$id"
  done
fi
# A runtime that was killed early has made cgroups that its state does not name, and nobody knows the runtime of a run
# whose state cannot be read.
for group in /sys/fs/cgroup/"$id" /sys/fs/cgroup/*/"$id"; do remove_group "$group"; done
if [ -d "$dir/rootfs" ]; then
  while umount -l "$dir/rootfs"; do :; done
  rmdir "$dir/rootfs"
fi
# Never delete through a mount: the files go only after the mount point.
[ -e "$dir/rootfs" ] || rm -rf "$dir"
[ -z "$tty" ] || stty "$settings" <"$tty"
[ "$word" = ${ENDED} ] || [ $# = 0 ] || exec "$@"
exit 0
`;
