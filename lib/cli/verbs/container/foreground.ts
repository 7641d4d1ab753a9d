/** What `run` and `start` share: a container in the foreground. */
import { CommandError, type RunContainerOptions } from "../../../container/mod.ts";
import { type ErrorCode, exitCode, VarveError } from "../../../errors.ts";
import { absolutePath } from "../../../linux/mod.ts";
import type { Context } from "../../context.ts";

/** Exit code when varve itself fails, as with `docker run`. */
const OWN_FAILURE = 125;

/** The exit code for a container that did not run. For the errors in `usual` it is that of all other verbs. */
export function exitOfRun(error: unknown, usual: readonly ErrorCode[]): number {
  if (error instanceof CommandError) return error.exit;
  return error instanceof VarveError && usual.includes(error.code) ? exitCode(error) : OWN_FAILURE;
}

/** Options of every container in the foreground. */
export function foreground(
  { io, signal, options: { root, driver } }: Context,
): Pick<RunContainerOptions, "sweep" | "signal" | "forwardSignals" | "searchPath"> {
  const same = driver === undefined ? [] : ["--driver", driver];
  return {
    signal,
    forwardSignals: true,
    searchPath: io.env("PATH") ?? "",
    // The watchdog runs this command, in another directory, to repair the store after this process is killed.
    sweep: io.self === undefined
      ? undefined
      : [...io.self(), "--root", absolutePath(root), ...same, "reap"],
  };
}

/** Leaves the terminal and its signals to the container, which starts now, until `stack` is disposed. */
export function giveTerminal(context: Context, stack: AsyncDisposableStack): void {
  context.endProgress();
  if (context.io.holdSignals !== undefined) stack.use(context.io.holdSignals());
}
