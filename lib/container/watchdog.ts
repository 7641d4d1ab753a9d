import type { ContainerRun } from "./container_run.ts";
import { watchdogCommand, type WatchdogTask } from "./runtime/commands.ts";
import { ENDED } from "./runtime/watchdog_script.ts";

/** Cleans up after a run, whatever ends the run. */
export interface Watchdog {
  /** Tells the watchdog that the run ended normally, and waits until it has cleaned up. */
  end(): Promise<void>;
}

/**
 * Starts a watchdog. Its process has its own session, so that it does not get signals from the terminal or signals to a
 * process group.
 */
export function startWatchdog(task: WatchdogTask): Watchdog {
  const { program, args } = watchdogCommand(task);
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
      // The watchdog itself was killed.
      if (!success) await cleanUp(task.run);
    },
  };
}

async function tellEnded(stdin: WritableStream<Uint8Array>): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(`${ENDED}\n`));
    await writer.close();
  } catch (error) {
    // The watchdog itself was killed: its status says so.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Ends and removes what is left of a run. Idempotent. */
export async function cleanUp(run: ContainerRun): Promise<void> {
  const { program, args } = watchdogCommand({ run });
  await new Deno.Command(program, {
    args: [...args],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).output();
}
