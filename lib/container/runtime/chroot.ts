/** A container without a runtime: namespaces, mounts and a changed root, by programs of util-linux. */
import type { RuntimeSpec, SpecMount } from "../bundle/types.ts";
import { RUN_FILES } from "../container_run.ts";
import { isKernelPath } from "../root/stubs.ts";
import { type CommandLine, NOTE_SELF, noted } from "./commands.ts";

/** Device nodes of every container (runtime-spec, config-linux.md, "Default Devices"). */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** Symbolic links in `/dev` of every container. */
const LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

/**
 * Reads a script. What its programs say goes to a log, because standard error is the container's: descriptor 3 is that
 * one. A log that cannot be opened is not told there either.
 */
const LOGGED = 'exec 3>&2 2>/dev/null 2>"$1"; . "$2"';

/** The command that runs {@linkcode enterScript} in new namespaces. */
export function chrootCommand(directory: string, spec: RuntimeSpec): CommandLine {
  const network = spec.linux.namespaces.some(({ type }) => type === "network") ? ["--net"] : [];
  const file = (name: string) => `${directory}/${name}`;
  const enter = ["sh", "-c", LOGGED, "sh", file(RUN_FILES.log), file(RUN_FILES.enter)];
  const unshare = [
    "unshare",
    "--fork",
    "--kill-child",
    "--pid",
    "--mount",
    "--ipc",
    "--uts",
    ...network,
  ];
  if (!spec.process.terminal) return noted(directory, [...unshare, ...enter]);
  // script(1) makes a new terminal. setsid(1) makes it the controlling terminal of the session.
  const inner = ["exec", ...unshare, "setsid", "--ctty", ...enter].map(quote).join(" ");
  return noted(directory, ["script", "--quiet", "--return", "--command", inner, "/dev/null"]);
}

/**
 * The script that the first process runs before it becomes the container's program. It moves the container's root onto
 * the root of the mount namespace, so that a program that breaks out of chroot(2) still sees only the container. At last
 * it writes the file of a process that has begun, as a runtime does. A path from the root is still one of the host then.
 *
 * Every path and word of the configuration is quoted for the shell. Mount targets contain no links, because
 * `prepareRoot` resolved them.
 */
export function enterScript(directory: string, spec: RuntimeSpec): string {
  const { root, hostname, mounts, linux, process } = spec;
  const { user, cwd, env, args, capabilities } = process;
  const bounding = capabilities.bounding.map((name) => `+${name.slice(4).toLowerCase()}`);
  return `set -eu
${NOTE_SELF}
note ${quote(`${directory}/${RUN_FILES.first}`)}
printf %s ${quote(hostname)} >/proc/sys/kernel/hostname
umask ${user.umask.toString(8).padStart(4, "0")}
setpriv=$(command -v setpriv) unshare=$(command -v unshare) env=$(command -v env)
cd ${quote(root.path)}
${mounts.flatMap(mountLines).join("\n")}
for path in ${linux.readonlyPaths.map(inside).join(" ")}; do
  [ ! -e "$path" ] || { mount --rbind "$path" "$path"; mount -o remount,bind,ro "$path"; }
done
for path in ${linux.maskedPaths.map(inside).join(" ")}; do
  if [ -d "$path" ]; then mount -t tmpfs -o ro,size=0 tmpfs "$path"
  elif [ -e "$path" ]; then mount --bind dev/null "$path"
  fi
done
${root.readonly ? "mount -o remount,bind,ro ." : ""}
mount --move . /
note ${quote(`${directory}/${RUN_FILES.pid}`)}
exec "$env" -i -- ${env.map(quote).join(" ")} "$setpriv" --regid ${user.gid} --groups ${
    [...new Set([user.gid, ...user.additionalGids])].join(",")
  } --bounding-set ${["-all", ...bounding].join(",")} --inh-caps -all --ambient-caps -all \\
  "$unshare" --root . --wd ${quote(cwd)} --setuid ${user.uid} -- ${
    args.map(quote).join(" ")
  } 2>&3 3>&-
`;
}

function mountLines({ destination, type, source, options }: SpecMount): string[] {
  const target = inside(destination);
  if (type === "cgroup") return [];
  if (type === "bind") {
    return [
      // Make targets below /dev here: /dev is a new file system of the container, so `prepareRoot` could not make them.
      ...(isKernelPath(destination) ? [makeTarget(quote(source), target)] : []),
      `mount --rbind --make-rprivate ${quote(source)} ${target}`,
      ...(options.includes("ro") ? [`mount -o remount,bind,ro ${target}`] : []),
    ];
  }
  return [
    ...(isKernelPath(destination) && destination.startsWith("/dev/") ? [`mkdir -p ${target}`] : []),
    `mount -t ${type} -o ${quote(options.join(","))} ${quote(source)} ${target}`,
    ...(destination === "/dev" ? deviceLines() : []),
  ];
}

function makeTarget(source: string, target: string): string {
  return `if [ -d ${source} ]; then mkdir -p ${target}; elif [ ! -e ${target} ]; then : >${target}; fi`;
}

function deviceLines(): string[] {
  return [
    ...DEVICES.map(([name, major, minor]) => `mknod -m 666 dev/${name} c ${major} ${minor}`),
    ...LINKS.map(([name, target]) => `ln -s ${target} dev/${name}`),
  ];
}

/** A path in the container as a quoted path relative to its root. */
function inside(path: string): string {
  return quote(`.${path}`);
}

/** Quotes a word for a shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
