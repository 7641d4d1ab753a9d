import { VarveError } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/mod.ts";
import { DEFAULT_PATH } from "./defaults.ts";
import { normalizePath } from "./volume.ts";

/** The caller's options for the first process of a container. Absent options are taken from the image. */
export interface ProcessOptions {
  /** Command line. Replaces the image's Cmd. */
  readonly command?: readonly string[] | undefined;
  /**
   * Program that gets the command line as its arguments. Replaces the image's Entrypoint and Cmd. Empty: there is none,
   * and the command line is run as it is.
   */
  readonly entrypoint?: string | undefined;
  /** Environment variables as `NAME=value`, in addition to those of the image. */
  readonly env?: readonly string[] | undefined;
  /** Working directory, an absolute path in the container. */
  readonly workingDir?: string | undefined;
  /** The user of the process: `user`, `uid`, `user:group` or `uid:gid`. Names are those of the image. */
  readonly user?: string | undefined;
  /** Give the process its own terminal. Default: false. */
  readonly tty?: boolean | undefined;
}

/**
 * Makes the program and its arguments from the entrypoints and commands of image and caller, as Docker does.
 *
 * @throws {VarveError} `E_PRECONDITION` neither image nor caller gives a command · `E_FORMAT` a word contains a NUL
 */
export function commandLine(config: ContainerConfig, options: ProcessOptions): readonly string[] {
  const { command = [], entrypoint } = options;
  const given = entrypoint !== undefined || command.length > 0;
  const program = entrypoint === undefined ? config.entrypoint ?? [] : [entrypoint];
  const args = [
    ...(entrypoint === "" ? [] : program),
    ...(given ? command : config.cmd ?? []),
  ];
  if (args.length === 0 || args[0] === "") {
    throw new VarveError("E_PRECONDITION", "Cannot run the image: it names no command", {
      hint: "give one after --",
    });
  }
  refuseNul(args);
  return args;
}

/**
 * Joins the environment: defaults, then the image's variables, then the caller's. If a name occurs several times, its
 * last value is used, at the first position.
 *
 * @throws {VarveError} `E_FORMAT` a variable contains a NUL
 */
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
  for (const variable of all) {
    const equals = variable.indexOf("=");
    // Without a name or without "=", the text is not a variable.
    if (equals > 0) byName.set(variable.slice(0, equals), variable);
  }
  return [...byName.values()];
}

/** The working directory of the first process, an absolute path. */
export function workingDirectory(config: ContainerConfig, options: ProcessOptions): string {
  return normalizePath(options.workingDir ?? config.workingDir ?? "/");
}

/** Refuses texts with a NUL. The kernel ends a string at the NUL, so the rest would be lost. */
function refuseNul(texts: readonly string[]): void {
  const bad = texts.find((text) => text.includes("\0"));
  if (bad === undefined) return;
  throw new VarveError("E_FORMAT", `Cannot run with ${JSON.stringify(bad)}: it holds a NUL`);
}
