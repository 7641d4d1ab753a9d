import { VarveError } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/mod.ts";
import { DEFAULT_PATH } from "./defaults.ts";
import { normalizePath } from "./volume.ts";

/** What the command line says of the first process; what it leaves out, the image says. */
export interface ProcessOptions {
  /** Arguments; replaces the image's Cmd. */
  readonly command?: readonly string[] | undefined;
  /** Program; replaces the image's Entrypoint, and its Cmd with it. */
  readonly entrypoint?: string | undefined;
  /** `NAME=value`. */
  readonly env?: readonly string[] | undefined;
  /** Where it starts. */
  readonly workingDir?: string | undefined;
  /** `user`, `uid`, `user:group`, `uid:gid`. */
  readonly user?: string | undefined;
  /** Whether it has a terminal. */
  readonly tty?: boolean | undefined;
}

/**
 * Program and arguments: entrypoint, then command.
 *
 * @throws {VarveError} `E_PRECONDITION` when neither image nor caller says what to run
 */
export function commandLine(config: ContainerConfig, options: ProcessOptions): readonly string[] {
  const { command = [], entrypoint } = options;
  const given = entrypoint !== undefined || command.length > 0;
  const args = [
    ...(entrypoint === undefined ? config.entrypoint ?? [] : [entrypoint]),
    ...(given ? command : config.cmd ?? []),
  ];
  if (args.length === 0 || args[0] === "") {
    throw new VarveError("E_PRECONDITION", "Cannot run the image: it names no command", {
      hint: "give one behind --",
    });
  }
  refuseNul(args);
  return args;
}

/** Environment: defaults, the image's, the caller's; of equal names the last one holds, at its first place. */
export function environment(
  config: ContainerConfig,
  options: ProcessOptions,
  machine: { readonly hostname: string; readonly home: string },
): readonly string[] {
  const all = [
    `PATH=${DEFAULT_PATH}`,
    `HOSTNAME=${machine.hostname}`,
    `HOME=${machine.home}`,
    ...(options.tty ? ["TERM=xterm"] : []),
    ...(config.env ?? []),
    ...(options.env ?? []),
  ];
  refuseNul(all);
  const byName = new Map<string, string>();
  for (const one of all) {
    const at = one.indexOf("=");
    // Without a name or a value it is no variable.
    if (at > 0) byName.set(one.slice(0, at), one);
  }
  return [...byName.values()];
}

/** The working directory, absolute. */
export function workingDirectory(config: ContainerConfig, options: ProcessOptions): string {
  return normalizePath(options.workingDir ?? config.workingDir ?? "/");
}

/** The kernel ends a string at a NUL: what stands behind one would be lost. */
function refuseNul(texts: readonly string[]): void {
  const bad = texts.find((text) => text.includes("\0"));
  if (bad === undefined) return;
  throw new VarveError("E_FORMAT", `Cannot run with ${JSON.stringify(bad)}: it holds a NUL`);
}
