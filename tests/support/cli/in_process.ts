/** The command inside of this process: what it writes is collected. */
import { type Io, runCli } from "../../../lib/cli/mod.ts";
import { concat, toBytes } from "../tar/tar_fixture.ts";

/** What a command gets besides its arguments. */
export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array<ArrayBuffer>;
  /** Which streams are terminals; none by default. */
  readonly terminals?: readonly ("stdin" | "stdout" | "stderr")[];
  readonly signal?: AbortSignal;
  readonly isRoot?: boolean;
  /** Whether standard output is closed after its first bytes. */
  readonly closed?: boolean;
}

/** How a command ended, and what it wrote. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Runs a command line. Without a `VARVE_ROOT` in `env` nothing may open a store. */
export async function runCommand(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<CommandResult> {
  const out: Uint8Array[] = [];
  let stderr = "";
  const io: Io = {
    env: (name) => options.env?.[name],
    stdout: (data) => {
      if (options.closed && out.length > 0) {
        return Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
      }
      out.push(toBytes(data).slice());
      return Promise.resolve();
    },
    stderr: (text) => void (stderr += text),
    stdin: () => ReadableStream.from(options.stdin === undefined ? [] : [options.stdin]),
    isTerminal: (stream) => options.terminals?.includes(stream) ?? false,
  };
  const code = await runCli(args, {
    io,
    isRoot: options.isRoot ?? false,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const bytes = concat(out);
  return { code, stdout: new TextDecoder().decode(bytes), stderr, bytes };
}

/** Runs command lines on one store, without syncs and with one worker. */
export function commandOn(
  root: string,
): (args: readonly string[], options?: TerminalOptions) => Promise<CommandResult> {
  const defaults = { VARVE_ROOT: root, VARVE_DURABILITY: "none", VARVE_WORKERS: "1" };
  return (args, options = {}) =>
    runCommand(args, { ...options, env: { ...defaults, ...options.env } });
}
