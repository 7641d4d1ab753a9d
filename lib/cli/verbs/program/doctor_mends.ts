import type { ContainerdCheck } from "../../../containerd/mod.ts";
import { commandLine } from "../../mistakes/shell_words.ts";
import { type Distribution, type Installable, installCommand } from "./packages.ts";

/** What doctor checks, besides containerd. */
export type MachineCheck =
  /** Linux on an architecture whose system calls varve knows. */
  | "system calls"
  /** This user may mount. */
  | "mounts"
  /** The limit of open files leaves room for layers that are read at the same time. */
  | "open files"
  /** The store can be opened: its database is whole. */
  | "database"
  /** The store belongs to this user, and holds nothing else. */
  | "owner"
  /** This varve knows the version of the store. */
  | "version"
  /** The store answers: any other failure. */
  | "store"
  /** The store can be written. */
  | "writable"
  /** There is space on the disk. */
  | "space"
  /** The file system can make more files. */
  | "inodes"
  /** The driver `erofs` works. */
  | "erofs"
  /** The driver `overlay` works. */
  | "overlay"
  /** The best driver is used where it works. */
  | "driver"
  /** libisal inflates gzip. */
  | "libisal"
  /** The inflater is chosen by varve. */
  | "inflater"
  /** The store is on a local disk. */
  | "file system"
  /** There is a runtime for containers. */
  | "runtime"
  /** Tools that varve uses or is used with are installed. */
  | "tools";

/** All that doctor checks. */
export type DoctorCheck = MachineCheck | `containerd: ${ContainerdCheck}`;

/** What commands depend on. */
export interface MendPlace {
  /** Absolute path of the store. */
  readonly root: string;
  /** Whether the user named the store. */
  readonly isRootGiven: boolean;
  /** Whether this is root, who needs no sudo. */
  readonly isRoot: boolean;
  readonly distribution: Distribution;
  /** Absolute paths of the sockets of containerd and varve. */
  readonly containerd: string;
  readonly socket: string;
  /** The version of containerd, as varve prints configurations for it. */
  readonly containerdVersion: "1.7" | "2";
  /** Whether containerd has a configuration, and is installed. */
  readonly hasConfig: boolean;
  readonly hasContainerd: boolean;
  /** Tools that are missing. */
  readonly missing: readonly Installable[];
}

/** Command lines that can be pasted into a shell, in their order. */
export type Commands = readonly [string, ...string[]];

/** A check that failed, with what mends it. */
export interface Mend {
  readonly check: DoctorCheck;
  readonly found: string;
  readonly commands: Commands;
}

/** The name of containerd's configuration. */
export const CONTAINERD_CONFIG = "/etc/containerd/config.toml";

/** What mends each thing that can fail. Without an entry for a check this does not compile. */
const COMMANDS: { readonly [Check in DoctorCheck]: (place: MendPlace) => Commands } = {
  // A virtual machine with Linux.
  "system calls": () => ["limactl start default", "limactl shell default varve doctor"],
  mounts: (place) =>
    place.isRoot
      // Root of a container has no right to mount.
      ? ["docker run --rm -it --privileged -v varve:/var/lib/varve IMAGE varve doctor"]
      : [varve(place, ["doctor"], true)],
  "open files": () => ['ulimit -n "$(ulimit -H -n)"'],
  database: (place) => [varve(place, ["fsck", "--rebuild"])],
  owner: () => ['export VARVE_ROOT="$HOME/.local/share/varve"', "varve doctor"],
  version: () => ["deno install -gArf --v8-flags=--no-turbofan -n varve jsr:@varve/varve/cli"],
  store: (place) => [varve(place, ["fsck"])],
  writable: (place) => {
    const target = `"$(findmnt -n -o TARGET -T ${commandLine([place.root])})"`;
    return [`${sudo(place)}mount -o remount,rw ${target}`];
  },
  space: (place) => [varve(place, ["gc"]), varve(place, ["prune", "all", "--all"])],
  inodes: (place) => [varve(place, ["gc"]), varve(place, ["prune", "all", "--all"])],
  erofs: (place) => [`${sudo(place)}modprobe erofs`, install(place, ["kernel"])],
  overlay: (place) => [`${sudo(place)}modprobe overlay`, install(place, ["kernel"])],
  driver: (place) => ["unset VARVE_DRIVER", varve(place, ["config", "set", "driver", "auto"])],
  libisal: (place) => [install(place, ["libisal"])],
  inflater: (place) => ["unset VARVE_INFLATE", varve(place, ["config", "set", "inflate", "auto"])],
  "file system": (place) => moved(place),
  runtime: (place) => [install(place, ["runc"])],
  tools: (place) => [install(place, place.missing)],
  "containerd: reachable": (place) => {
    const start = `${sudo(place)}systemctl start containerd`;
    return place.hasContainerd ? [start] : [install(place, ["containerd"]), start];
  },
  "containerd: snapshotter": configured,
  "containerd: differ": configured,
  "containerd: first differ": configured,
  "containerd: unpack": configured,
  "containerd: overlayfs": configured,
  "containerd: mount namespace": (place) => [
    `${sudo(place)}nsenter -m -t "$(pidof containerd)" ${
      commandLine(["varve", "--root", place.root, ...serve(place)])
    }`,
  ],
  "containerd: content": (place) => [
    `${sudo(place)}${commandLine(["varve", "--root", place.root, ...serve(place)])}`,
  ],
  "containerd: store path": (place) => moved(place),
};

/** What mends a check that failed. */
export function mendOf(check: DoctorCheck, found: string, place: MendPlace): Mend {
  return { check, found, commands: COMMANDS[check](place) };
}

function sudo({ isRoot }: MendPlace): string {
  return isRoot ? "" : "sudo ";
}

/** A command line of varve. As another user it is on the store of that user. */
function varve(place: MendPlace, words: readonly string[], asRoot = false): string {
  const root = place.isRootGiven && !asRoot ? ["--root", place.root] : [];
  return `${asRoot ? sudo(place) : ""}${commandLine(["varve", ...root, ...words])}`;
}

function install(place: MendPlace, things: readonly Installable[]): string {
  return `${sudo(place)}${installCommand(place.distribution, things)}`;
}

/** A copy of the store on a path of the local disk, and the variable that makes it the store. */
function moved(place: MendPlace): Commands {
  const to = place.root === "/var/lib/varve" ? "/srv/varve" : "/var/lib/varve";
  return [
    `${sudo(place)}${commandLine(["varve", "--root", place.root, "backup", to])}`,
    `export VARVE_ROOT=${to}`,
  ];
}

/** The words of `serve` with sockets that are not the usual ones. */
function serve({ containerd, socket }: MendPlace): string[] {
  return ["serve", "--containerd", containerd, "--socket", socket];
}

/**
 * The configuration that varve prints. A configuration that is there is not changed by a command: it can have tables
 * that the printed one has, too.
 */
function configured(place: MendPlace): Commands {
  const print = commandLine([
    "varve",
    "--root",
    place.root,
    ...serve(place),
    "--print-config",
    place.containerdVersion,
  ]);
  const restart = `${sudo(place)}systemctl restart containerd`;
  return place.hasConfig ? [print, `${sudo(place)}\${EDITOR:-vi} ${CONTAINERD_CONFIG}`, restart] : [
    `${sudo(place)}mkdir -p /etc/containerd`,
    `${print} | ${sudo(place)}tee ${CONTAINERD_CONFIG}`,
    restart,
  ];
}
