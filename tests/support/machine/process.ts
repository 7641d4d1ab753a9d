/** Child processes with a time limit. When it is over, the whole process group ends. */
import { DEADLINE } from "./wait.ts";

const SETSID = pathOf("setsid");

/** How a child is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Start from an empty environment. */
  readonly clearEnv?: boolean;
  /** What the child reads; nothing by default. */
  readonly stdin?: string | Uint8Array;
  /** Milliseconds until it is killed; {@linkcode DEADLINE} by default. */
  readonly timeout?: number;
}

/** How a child ended, and what it wrote. */
export interface RunResult {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The bytes of stdout, for output that is not text. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Runs a program to its end, whatever its exit code.
 *
 * @throws {Error} where it takes longer than the time limit
 */
export async function runAny(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const [program] = command;
  if (program === undefined) throw new TypeError("Cannot run a command: it is empty");
  // Its own group: a limit must also end what the child has started. Not by `detached`, for which Deno
  // forks this whole process: that takes long where many test files share it, and for so long the
  // child has copies of all open files, which keep mounts busy and locks held.
  const child = new Deno.Command(SETSID, {
    args: [...command],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: { ...options.env } }),
    clearEnv: options.clearEnv ?? false,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = options.timeout ?? DEADLINE;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killGroup(child.pid);
    // It may not have its group yet.
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }, limit);
  try {
    const feeding = options.stdin === undefined ? undefined : feed(child.stdin, options.stdin);
    const output = await child.output();
    await feeding;
    if (late) throw new Error(`Cannot run ${program}: not done after ${limit} ms`);
    const decoder = new TextDecoder();
    return {
      code: output.code,
      signal: output.signal,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
      bytes: output.stdout,
    };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs a program that must succeed.
 *
 * @throws {Error} with the end of the program's output when it fails
 */
export async function run(command: readonly string[], options?: RunOptions): Promise<RunResult> {
  const result = await runAny(command, options);
  if (result.code !== 0) {
    const words = (result.stderr + result.stdout).trim().slice(-4000);
    throw new Error(`Cannot run ${command.join(" ")}: exit ${result.code}\n${words}`);
  }
  return result;
}

async function feed(stdin: WritableStream<Uint8Array>, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch (error) {
    // A child may end before it has read everything; its exit code tells what that means.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    await writer.abort().catch(() => {});
  }
}

/** Kills the process group of a child that has a group of its own. */
export function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Path of a program of this process's PATH, which a child's may not have. */
function pathOf(program: string): string {
  const places = (Deno.env.get("PATH") ?? "").split(":").map((place) => `${place}/${program}`);
  return places.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  }) ?? program;
}
