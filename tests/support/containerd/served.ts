/** `varve serve` as users run it: as a process, on a store of its own. */
import { Cli } from "../cli/cli.ts";

/** How the process ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stderr: string;
}

/** A running daemon. Dispose sends SIGTERM, after which it must end with 0. */
export interface Served extends AsyncDisposable {
  /** Absolute path of its socket; null for an inherited one. */
  readonly socket: string | null;
  /** Where its metrics are, or null. */
  readonly metrics: string | null;
  readonly pid: number;
  /** The command on the same store. */
  readonly cli: Cli;
  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Ended>;
}

/** How a daemon is started. */
export interface ServedOptions {
  /** More arguments of the verb. */
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A command line that starts the one which it is followed by. */
  readonly starter?: readonly string[] | undefined;
}

/** Starts it over the store at `root`, and waits until it answers. */
export async function served(
  root: string,
  { args = [], env = {}, starter = [] }: ServedOptions = {},
): Promise<Served> {
  const cli = new Cli(root, { env });
  const [program = "", ...command] = [
    ...starter,
    ...cli.command(["serve", "--format", "json", ...args]),
  ];
  const child = new Deno.Command(program, {
    args: command,
    env: { ...cli.env },
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
    throw new Error(`Cannot start varve serve: exit ${code}\n${stderr}`);
  }
  const { socket, metrics } = JSON.parse(line) as Pick<Served, "socket" | "metrics">;
  return {
    socket,
    metrics,
    pid: child.pid,
    cli,
    end,
    async [Symbol.asyncDispose](): Promise<void> {
      const isAsked = ending === undefined;
      const { code, stderr } = await end("SIGTERM");
      if (isAsked && code !== 0) throw new Error(`varve serve ended with ${code}\n${stderr}`);
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
