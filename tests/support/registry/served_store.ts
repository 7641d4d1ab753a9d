/** `varve registry serve` as users run it: as a process, on a store of its own. */
import { Cli } from "../cli/cli.ts";

/** How the process ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stderr: string;
}

/** A running registry. Dispose sends SIGTERM, after which it must end with 0. */
export interface ServedStore extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `127.0.0.1:PORT`, for image names. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** The command on the same store. */
  readonly cli: Cli;
  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Ended>;
}

/** Starts it on a free port over the store at `root`; `args` are more arguments of the verb. */
export async function servedStore(
  root: string,
  { args = [], env = {} }: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<ServedStore> {
  const cli = new Cli(root, { env });
  const [program = "", ...command] = cli.command([
    "registry",
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--format",
    "json",
    ...args,
  ]);
  const child = new Deno.Command(program, {
    args: command,
    env: { VARVE_ROOT: root, VARVE_DURABILITY: "none", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let ending: Promise<Ended> | undefined;
  const end = (signal: Deno.Signal) =>
    ending ??= (async () => {
      try {
        child.kill(signal);
      } catch {
        // It has ended already; its code tells how.
      }
      const status = await child.status;
      return { code: status.code, signal: status.signal, stderr: await stderr };
    })();
  const line = await firstLine(child.stdout);
  if (line === undefined) {
    const { code, stderr } = await end("SIGKILL");
    throw new Error(`Cannot start varve registry serve: exit ${code}\n${stderr}`);
  }
  const { url, port } = JSON.parse(line) as { url: string; port: number };
  return {
    url,
    host: `127.0.0.1:${port}`,
    port,
    pid: child.pid,
    cli,
    end,
    async [Symbol.asyncDispose](): Promise<void> {
      const asked = ending === undefined;
      const { code, stderr } = await end("SIGTERM");
      if (asked && code !== 0) throw new Error(`registry serve ended with ${code}\n${stderr}`);
    },
  };
}

/** The first line of a stream, whose rest is cancelled; `undefined` when the stream ends before. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  await stream.cancel();
  return text.slice(0, text.indexOf("\n"));
}
