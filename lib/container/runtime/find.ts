import { VarveError } from "../../errors.ts";

/** Names of the runtimes, the preferred first. */
export const RUNTIMES = ["runc", "crun", "chroot"] as const;

/** Name of a runtime. `chroot` is namespaces and programs of util-linux, without any runtime. */
export type RuntimeName = typeof RUNTIMES[number];

/** A runtime of this machine. Values of it are kept in a file, so that another process can clean up. */
export interface Runtime {
  /** Which. */
  readonly name: RuntimeName;
  /** Its program; for `chroot` the shell. */
  readonly program: string;
  /** Whether the mount of cgroup version 2 must be hidden from it: crun refuses both versions at once. */
  readonly hideUnified: boolean;
}

/** What `chroot` is made of: programs of util-linux, which every Debian has. */
export const CHROOT_TOOLS: readonly string[] = ["sh", "unshare", "setpriv", "mount", "env"];

/** Programs that can be the first process of a container, the preferred first. */
export const INIT_PROGRAMS: readonly string[] = ["tini-static", "tini"];

/**
 * Finds a runtime.
 *
 * @param wanted a name, or `auto` for the first that is there
 * @param path directories, as in `PATH`
 * @throws {VarveError} `E_USAGE` no such name · `E_UNSUPPORTED` it is not installed
 */
export async function findRuntime(wanted: string, path: string): Promise<Runtime> {
  if (wanted !== "auto" && !RUNTIMES.some((name) => name === wanted)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use runtime ${JSON.stringify(wanted)}: there are auto, ${RUNTIMES.join(", ")}`,
    );
  }
  for (const name of RUNTIMES) {
    if (wanted !== "auto" && wanted !== name) continue;
    const program = await findProgram(name === "chroot" ? "sh" : name, path);
    if (program === null || name === "chroot" && !await hasAll(CHROOT_TOOLS, path)) continue;
    return { name, program, hideUnified: name === "crun" && await hasHybridCgroups() };
  }
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot run a container: ${wanted === "auto" ? "no runtime is" : `${wanted} is not`} installed`,
    { hint: "install runc or crun, or util-linux for --runtime chroot" },
  );
}

/**
 * The program for `--init`, as a path.
 *
 * @throws {VarveError} `E_UNSUPPORTED` none is installed
 */
export async function findInit(path: string): Promise<string> {
  for (const name of INIT_PROGRAMS) {
    const program = await findProgram(name, path);
    if (program !== null) return program;
  }
  throw new VarveError("E_UNSUPPORTED", "Cannot use --init: tini is not installed", {
    hint: "install tini",
  });
}

/** Whether this machine mounts cgroups of both versions. */
export async function hasHybridCgroups(): Promise<boolean> {
  try {
    const controllers = await Deno.readTextFile("/sys/fs/cgroup/unified/cgroup.controllers");
    return controllers.trim() !== "";
  } catch {
    return false;
  }
}

/** Whether cgroups are of version 2 alone. */
export async function hasOnlyUnifiedCgroups(): Promise<boolean> {
  try {
    return (await Deno.stat("/sys/fs/cgroup/cgroup.controllers")).isFile;
  } catch {
    return false;
  }
}

async function hasAll(names: readonly string[], path: string): Promise<boolean> {
  const found = await Promise.all(names.map((name) => findProgram(name, path)));
  return !found.includes(null);
}

/** Where a program is, looked for as a shell does. */
async function findProgram(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(":")) {
    // A relative directory means another program wherever one stands.
    if (!directory.startsWith("/")) continue;
    try {
      const candidate = `${directory}/${name}`;
      const { isFile, mode } = await Deno.stat(candidate);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return candidate;
    } catch {
      // Not there, or not to be seen: as for a shell, the next one.
    }
  }
  return null;
}
