import { ENDED, watchdogCommand } from "./runtime/commands.ts";
import type { Runtime } from "./runtime/find.ts";
import type { SavedTerminal } from "./terminal.ts";

/** Cleans up after a run, whatever ends it. */
export interface Watchdog {
  /** Lets it clean up, and waits for that. */
  end(): Promise<void>;
}

/** Starts a watchdog: a process in a session of its own, which no signal of a terminal or a group reaches. */
export function startWatchdog(
  runtime: Runtime,
  directory: string,
  id: string,
  terminal?: SavedTerminal,
  sweep?: readonly string[],
): Watchdog {
  const { program, args } = watchdogCommand(runtime, directory, id, terminal, sweep);
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  return {
    async end(): Promise<void> {
      await tellEnded(child.stdin);
      const { success } = await child.status;
      // It was killed itself.
      if (!success) await cleanUp(runtime, directory, id);
    },
  };
}

async function tellEnded(stdin: WritableStream<Uint8Array>): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(`${ENDED}\n`));
    await writer.close();
  } catch (error) {
    // It was killed itself: its status says so.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Ends and removes what a run left; nothing left is no error. */
export async function cleanUp(runtime: Runtime, directory: string, id: string): Promise<void> {
  const { program, args } = watchdogCommand(runtime, directory, id);
  await new Deno.Command(program, {
    args: [...args],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).output();
}
