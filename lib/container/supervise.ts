import { VarveError } from "../errors.ts";
import { keepDescriptors } from "../linux/mod.ts";
import type { RuntimeSpec } from "./bundle/types.ts";
import type { RunContainerOptions } from "./contract.ts";
import { firstProcess, signalProcess, untilEntered } from "./first_process.ts";
import type { RunDirectory } from "./run_directory.ts";
import { chrootCommand } from "./runtime/chroot.ts";
import { RUN_FILES, runCommand, runtimeCall } from "./runtime/commands.ts";
import type { Runtime } from "./runtime/find.ts";
import { runtimeFailure } from "./runtime/log.ts";
import { exitOf, forwardSignals } from "./signals.ts";

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 10_000;

/** Milliseconds that it may take to enter a container. */
const ENTER = 2000;

/**
 * Runs the container's program to its end, in the foreground: it has the
 * standard input and output of this process.
 *
 * @returns its exit code
 * @throws {VarveError} it did not begin: `CommandError`, `E_SYSCALL`
 */
export async function supervise(
  options: RunContainerOptions,
  run: RunDirectory,
  runtime: Runtime,
  spec: RuntimeSpec,
): Promise<number> {
  const chroot = runtime.name === "chroot";
  // A runtime closes them; without one, a directory of the host among them would lead out of the container.
  if (chroot) keepDescriptors();
  const { program, args } = chroot
    ? chrootCommand(run.path, spec)
    : runCommand(runtime, run.path, run.id);
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const send = (signal: Deno.Signal): void => void sendTo(run, runtime, child, signal);
  let killed = false;
  const kill = (): void => {
    killed = true;
    void killContainer(run, runtime, child);
  };
  const grace = options.grace ?? GRACE;
  const { signal } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    send("SIGTERM");
    timer = setTimeout(kill, grace);
  };
  signal?.addEventListener("abort", stop);
  try {
    using _ = options.forwardSignals
      ? forwardSignals({
        send,
        kill,
        grace,
        sharedTerminal: !spec.process.terminal && Deno.stdin.isTerminal(),
      })
      : null;
    if (signal?.aborted) stop();
    const status = await child.status;
    signal?.throwIfAborted();
    if (!chroot && !killed) await refuseFailure(run, spec, status);
    return exitOf(status);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** A runtime passes signals on; without one, the first process gets them itself. */
async function sendTo(
  run: RunDirectory,
  runtime: Runtime,
  child: Deno.ChildProcess,
  signal: Deno.Signal,
): Promise<void> {
  const first = runtime.name === "chroot" ? await firstProcess(runtime, run.path) : null;
  if (first !== null) await untilEntered(first, ENTER);
  signalProcess(first ?? child.pid, signal);
}

async function killContainer(
  run: RunDirectory,
  runtime: Runtime,
  child: Deno.ChildProcess,
): Promise<void> {
  if (runtime.name === "chroot") return await sendTo(run, runtime, child, "SIGKILL");
  const { program, args } = runtimeCall(runtime, run.path, ["kill", run.id, "KILL"]);
  const { success } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  // It is not so far yet that the runtime knows it.
  if (!success) signalProcess(child.pid, "SIGKILL");
}

/** The runtime writes the pid of the first process once that has begun: without one, the code is its own. */
async function refuseFailure(
  run: RunDirectory,
  spec: RuntimeSpec,
  status: Deno.CommandStatus,
): Promise<void> {
  if (await read(`${run.path}/${RUN_FILES.pid}`) !== undefined) return;
  const log = await read(`${run.path}/${RUN_FILES.log}`) ?? "";
  throw runtimeFailure(log, spec.process.args[0] ?? "") ?? new VarveError(
    "E_SYSCALL",
    `Cannot run the container: the runtime ended with ${status.signal ?? `code ${status.code}`}`,
  );
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
