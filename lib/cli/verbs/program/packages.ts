import { commandLine } from "../../mistakes/shell_words.ts";

/** The package managers for which doctor can write commands. */
export type PackageManager = "apt" | "dnf" | "zypper" | "apk" | "pacman";

/** The distribution that runs here, as far as packages are concerned. */
export interface Distribution {
  /** `undefined` where the distribution is not known. */
  readonly manager: PackageManager | undefined;
  readonly isUbuntu: boolean;
}

/** What can be installed. */
export type Installable =
  | "umoci"
  | "skopeo"
  | "podman"
  | "docker"
  | "containerd"
  | "ctr"
  | "runc"
  | "crun"
  | "unshare"
  | "tini-static"
  | "tini"
  | "libisal"
  | "kernel";

/** Managers by the distributions that have them: `ID` and `ID_LIKE` of os-release(5). */
const MANAGERS: Readonly<Record<string, PackageManager>> = {
  debian: "apt",
  ubuntu: "apt",
  fedora: "dnf",
  rhel: "dnf",
  centos: "dnf",
  suse: "zypper",
  opensuse: "zypper",
  "opensuse-tumbleweed": "zypper",
  "opensuse-leap": "zypper",
  sles: "zypper",
  alpine: "apk",
  arch: "pacman",
};

/** Debian's packages. */
const APT: Readonly<Record<Installable, string>> = {
  umoci: "umoci",
  skopeo: "skopeo",
  podman: "podman",
  docker: "docker.io",
  containerd: "containerd",
  ctr: "containerd",
  runc: "runc",
  crun: "crun",
  unshare: "util-linux",
  "tini-static": "tini",
  tini: "tini",
  libisal: "libisal2",
  kernel: "linux-image-generic",
};

/** Arch's packages. It has no package of tini and umoci; their users build them from its user repository. */
const PACMAN: Readonly<Record<Installable, string>> = {
  ...APT,
  docker: "docker",
  libisal: "isa-l",
  kernel: "linux",
};

/** Packages of kernels with all file systems. */
const KERNELS = {
  dnf: "kernel-modules-extra",
  zypper: "kernel-default",
  apk: "linux-lts",
} as const;

/** How each manager installs without a question. */
const INSTALL: Readonly<Record<PackageManager, readonly string[]>> = {
  apt: ["apt-get", "install", "-y"],
  dnf: ["dnf", "install", "-y"],
  zypper: ["zypper", "--non-interactive", "install"],
  apk: ["apk", "add"],
  pacman: ["pacman", "-S", "--noconfirm"],
};

/** Reads the text of `/etc/os-release`. */
export function distributionOf(osRelease: string): Distribution {
  const value = (name: string) =>
    new RegExp(`^${name}=["']?([^"'\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const ids = [value("ID"), ...value("ID_LIKE").split(" ")];
  const known = ids.find((id) => Object.hasOwn(MANAGERS, id));
  return {
    manager: known === undefined ? undefined : MANAGERS[known],
    isUbuntu: ids.includes("ubuntu"),
  };
}

/** The command line that installs things, to be run by root. */
export function installCommand(
  { manager, isUbuntu }: Distribution,
  things: readonly Installable[],
): string {
  // Without a known manager, PackageKit has one interface for all.
  if (manager === undefined) {
    return commandLine(["pkcon", "install", ...unique(things, (thing) => APT[thing])]);
  }
  const packages = unique(things, (thing) => packageOf(thing, manager, isUbuntu));
  return commandLine([...INSTALL[manager], ...packages]);
}

function packageOf(thing: Installable, manager: PackageManager, isUbuntu: boolean): string {
  if (manager === "pacman") return PACMAN[thing];
  if (manager === "apt") {
    if (thing !== "kernel" || isUbuntu) return APT[thing];
    return `linux-image-${Deno.build.arch === "aarch64" ? "arm64" : "amd64"}`;
  }
  if (thing === "kernel") return KERNELS[manager];
  // These managers find a package by what is in it. So its name need not be known.
  if (thing === "libisal") return manager === "apk" ? "so:libisal.so.2" : "libisal.so.2()(64bit)";
  return manager === "apk" ? `cmd:${thing}` : `/usr/bin/${thing}`;
}

function unique(things: readonly Installable[], name: (thing: Installable) => string): string[] {
  return [...new Set(things.map(name))];
}
