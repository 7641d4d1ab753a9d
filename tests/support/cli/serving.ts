/** A verb that serves, as users run it: as a process, on a store of its own. */
import type { Cli } from "./cli.ts";

/** How the process ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stderr: string;
}

/** A running server. Dispose sends SIGTERM, after which it must end with 0. */
export interface Serving extends AsyncDisposable {
  readonly pid: number;
  /** The command on the same store. */
  readonly cli: Cli;
  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Ended>;
}

/**
 * Starts a server, and waits until it says where it answers.
 *
 * @param what for messages: the verb
 * @param command the command line, with `--format json`
 * @returns the server, and the first line of its output, which is JSON
 */
export async function startServing(
  what: string,
  cli: Cli,
  [program = "", ...args]: readonly string[],
): Promise<Serving & { readonly said: unknown }> {
  const child = new Deno.Command(program, {
    args,
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
    throw new Error(`Cannot start ${what}: exit ${code}\n${stderr}`);
  }
  return {
    said: JSON.parse(line),
    pid: child.pid,
    cli,
    end,
    async [Symbol.asyncDispose](): Promise<void> {
      const isAsked = ending === undefined;
      const { code, stderr } = await end("SIGTERM");
      if (isAsked && code !== 0) throw new Error(`${what} ended with ${code}\n${stderr}`);
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
