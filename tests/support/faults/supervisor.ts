/**
 * Runs commands under the supervisor: it sees each call of a process tree that changes something on the disk, kills
 * the tree before one of them, or makes one fail. `supervisor.c` says how.
 */
import { constants } from "node:os";
import { needs, type Skip } from "../machine/needs.ts";
import { run, runAny, type RunOptions, type RunResult } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";

/** An error number that a call can be answered with. */
export type Errno = "EIO" | "ENOSPC" | "EDQUOT" | "EMFILE" | "EROFS" | "EINTR" | "ENOLCK";

/** All of them. */
export const ERRNOS: readonly Errno[] = [
  ...["EIO", "ENOSPC", "EDQUOT", "EMFILE", "EROFS", "EINTR", "ENOLCK"] as const,
];

/** Whether the kernel can answer this error to a call of this name; the supervisor knows the same. */
export function suits(name: string, errno: Errno): boolean {
  if (errno === "EINTR") return true;
  if (name === "lock") return errno === "ENOLCK";
  if (errno === "ENOLCK") return false;
  if (errno === "EMFILE") return name === "open" || name === "read";
  return errno === "EIO" || name !== "read" && !name.endsWith("mount");
}

/** What happens to a call of a command. Calls are numbered from 1. */
export type Fault =
  | { readonly kind: "kill"; readonly at: number }
  | { readonly kind: "errno"; readonly errno: Errno; readonly at: number; readonly times?: number }
  /** Runs a shell command before the call. */
  | { readonly kind: "hook"; readonly at: number; readonly command: string };

/** A call that changes something on the disk. */
export interface Call {
  readonly number: number;
  /** `open`, `write`, `sync`, `rename`, …: see `supervisor.c`; `read` for a file opened to be read. */
  readonly name: string;
  /** One path, or two: from and to. */
  readonly paths: readonly string[];
}

/** How a command ended, and what it did. */
export interface Supervised extends RunResult {
  readonly calls: readonly Call[];
  /** Whether processes of it were still there when it ended. */
  readonly left: boolean;
}

/** How a command is run. */
export interface SuperviseOptions extends RunOptions {
  /** Calls count that have a path at or below one of these. */
  readonly below: readonly string[];
  readonly fault?: Fault | undefined;
  /** A shell command that is run before each call, with the number of the call as its argument. */
  readonly each?: string | undefined;
  /** Count locks and the opening of files for reading, too. */
  readonly everything?: boolean | undefined;
}

/** The built supervisor. */
export interface Supervisor extends AsyncDisposable {
  run(command: readonly string[], options: SuperviseOptions): Promise<Supervised>;
}

/** Skips a test where the supervisor cannot be built. */
export function needsSupervisor(more: Parameters<typeof needs>[0] = {}): Skip {
  return needs({ kernel: "5.19", ...more, tools: ["gcc", ...more.tools ?? []] });
}

const SOURCE = new URL("./supervisor.c", import.meta.url).pathname;

/** Builds the supervisor with gcc, in a temporary directory. */
export async function buildSupervisor(): Promise<Supervisor> {
  const temp = await tempDir("varve-supervisor-");
  const program = temp.join("supervisor");
  await run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE]);
  let runs = 0;
  return {
    async run(command, { below, fault, each, everything = false, ...options }) {
      const log = temp.join(`${runs++}.log`);
      const args = [
        ...below.flatMap((path) => ["-p", path]),
        ...everything ? ["-a"] : [],
        ...["-l", log],
        ...fault === undefined ? [] : faultArgs(fault),
        ...each === undefined ? [] : ["-r", each],
      ];
      const result = await runAny([program, ...args, "--", ...command], options);
      // A command may end with this code, too.
      if (result.code === 125 && /^(supervisor:|$)/.test(result.stderr)) {
        throw new Error(result.stderr);
      }
      const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
      await Deno.remove(log);
      const calls = lines.filter((line) => line !== "").map(parseCall);
      const counted = calls.filter(({ number }) => number > 0);
      return { ...result, calls: counted, left: counted.length < calls.length };
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

function faultArgs(fault: Fault): string[] {
  const at = String(fault.at);
  if (fault.kind === "kill") return ["-k", at];
  if (fault.kind === "hook") return ["-x", at, "-r", fault.command];
  const number = String(constants.errno[fault.errno as keyof typeof constants.errno]);
  return ["-e", number, "-n", at, "-t", String(fault.times ?? 1)];
}

function parseCall(line: string): Call {
  const [number, name = "", ...paths] = line.split("\t");
  const unescape = (path: string) =>
    path.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return { number: Number(number), name, paths: paths.map(unescape) };
}
