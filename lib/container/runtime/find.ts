import { VarveError } from "../../errors.ts";
import { permissionError, readKernelFile } from "../../linux/mod.ts";

/** Names of the runtimes, preferred first. */
export const RUNTIMES = ["runc", "crun", "chroot"] as const;

/**
 * Name of a runtime. `chroot` means that no runtime is used: programs of util-linux make the namespaces and change the
 * root.
 */
export type RuntimeName = typeof RUNTIMES[number];

/** A runtime of this machine. It is written to the file of a run, so that another process can clean up. */
export interface Runtime {
  /** Name of the runtime. */
  readonly name: RuntimeName;
  /** Absolute path of its program; for `chroot` that of the shell. */
  readonly program: string;
  /** Whether cgroup version 2 must be hidden from it: crun refuses a machine that mounts both versions. */
  readonly hideUnified: boolean;
}

/** Programs that `chroot` needs: the shell, util-linux and coreutils, which every Debian has. */
export const CHROOT_TOOLS: readonly string[] = ["sh", "unshare", "setpriv", "mount", "env"];

/** Programs for `--init`, preferred first. */
export const INIT_PROGRAMS: readonly string[] = ["tini-static", "tini"];

/**
 * Finds a runtime.
 *
 * @param wanted a name, or `auto` for the first that is installed
 * @param path directories separated by colons, as in `PATH`
 * @throws {VarveError} `E_USAGE` `wanted` is not a name of a runtime · `E_UNSUPPORTED` the runtime is not installed
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
    return { name, program, hideUnified: name === "crun" && hasHybridCgroups() };
  }
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot run a container: ${wanted === "auto" ? "no runtime is" : `${wanted} is not`} installed`,
    { hint: "install runc or crun, or util-linux for the runtime chroot" },
  );
}

/**
 * Finds the program for `--init`.
 *
 * @param path directories separated by colons, as in `PATH`
 * @returns its absolute path
 * @throws {VarveError} `E_UNSUPPORTED` no such program is installed
 */
export async function findInit(path: string): Promise<string> {
  for (const name of INIT_PROGRAMS) {
    const program = await findProgram(name, path);
    if (program !== null) return program;
  }
  throw new VarveError("E_UNSUPPORTED", "Cannot run an init process: tini is not installed", {
    hint: "install tini",
  });
}

/** Whether this machine mounts cgroups of both versions. */
export function hasHybridCgroups(): boolean {
  return (readKernelFile("/sys/fs/cgroup/unified/cgroup.controllers") ?? "").trim() !== "";
}

/** Whether this machine mounts cgroups of version 2 only. */
export function hasOnlyUnifiedCgroups(): boolean {
  return readKernelFile("/sys/fs/cgroup/cgroup.controllers") !== undefined;
}

async function hasAll(names: readonly string[], path: string): Promise<boolean> {
  const found = await Promise.all(names.map((name) => findProgram(name, path)));
  return !found.includes(null);
}

/** Finds a program as a shell does. @returns its path; `null` if no directory has it */
async function findProgram(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(":")) {
    // Skip a relative directory: what it names depends on the working directory.
    if (!directory.startsWith("/")) continue;
    try {
      const candidate = `${directory}/${name}`;
      const { isFile, mode } = await Deno.stat(candidate);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return candidate;
    } catch (error) {
      const denied = permissionError(error, `find ${name}`);
      if (denied !== undefined) throw denied;
      // Missing or unreadable: try the next directory, as a shell does.
    }
  }
  return null;
}
