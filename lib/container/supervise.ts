import { VarveError } from "../errors.ts";
import { keepDescriptors } from "../linux/mod.ts";
import type { RuntimeSpec } from "./bundle/types.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";
import type { RunContainerOptions } from "./contract.ts";
import { firstProcess, signalProcess, untilEntered } from "./first_process.ts";
import { chrootCommand } from "./runtime/chroot.ts";
import { runCommand, runtimeCall } from "./runtime/commands.ts";
import { enterFailure, runtimeFailure } from "./runtime/log.ts";
import { endOf, forwardSignals, type ProcessEnd } from "./signals.ts";

/** Milliseconds between SIGTERM and SIGKILL when the caller gives no time. */
const GRACE = 10_000;

/** Longest wait, in milliseconds, until the first process has entered a container without a runtime. */
const ENTER = 2000;

/** Options of {@linkcode supervise}. */
export interface SuperviseInput {
  /** The caller's options for signals, and the time before SIGKILL. */
  readonly options: RunContainerOptions;
  /** The run whose bundle is ready. */
  readonly run: ContainerRun;
  /** The configuration in the bundle. */
  readonly spec: RuntimeSpec;
}

/**
 * Runs the container's program to its end, in the foreground. The program has the standard input and output of this
 * process.
 *
 * @returns its exit code
 * @throws {VarveError} `CommandError`, `E_SYSCALL` the program did not begin
 */
export async function supervise({ options, run, spec }: SuperviseInput): Promise<number> {
  const chroot = run.runtime.name === "chroot";
  // A runtime closes inherited descriptors. Without a runtime, an open directory of the host would lead out of the
  // container.
  if (chroot) keepDescriptors();
  const { program, args } = chroot ? chrootCommand(run.directory, spec) : runCommand(run);
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const send = (signal: Deno.Signal): void => void sendTo(run, child, signal);
  let killed = false;
  const kill = (): void => {
    killed = true;
    void killContainer(run, child);
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
    const end = await endOf(child);
    // A program that was ended by the signal has an exit code, and changes to keep.
    if (signal?.aborted && !await hasBegun(run)) throw signal.reason;
    if (!killed) await refuseFailure(run, spec, end);
    return end.code;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Sends a signal to the runtime, which forwards it. Without a runtime, sends it to the first process. */
async function sendTo(
  run: ContainerRun,
  child: Deno.ChildProcess,
  signal: Deno.Signal,
): Promise<void> {
  const first = run.runtime.name === "chroot" ? await firstProcess(run) : null;
  if (first !== null) await untilEntered(first, ENTER);
  signalProcess(first ?? child.pid, signal);
}

async function killContainer(run: ContainerRun, child: Deno.ChildProcess): Promise<void> {
  if (run.runtime.name === "chroot") return await sendTo(run, child, "SIGKILL");
  const { program, args } = runtimeCall(run, ["kill", run.id, "KILL"]);
  const { success } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  // The runtime does not know the container yet.
  if (!success) signalProcess(child.pid, "SIGKILL");
}

/**
 * Whether a program of the container ran. A file with the pid of the first process is written when the process has
 * begun.
 */
async function hasBegun({ directory }: ContainerRun): Promise<boolean> {
  // An empty file could not be written.
  return /^[0-9]/.test(await read(`${directory}/${RUN_FILES.pid}`) ?? "");
}

/** Throws if the exit code is not the container's own. */
async function refuseFailure(
  run: ContainerRun,
  spec: RuntimeSpec,
  end: ProcessEnd,
): Promise<void> {
  if (await hasBegun(run)) return;
  const isEntered = run.runtime.name === "chroot";
  // A signal ended what was to enter, as it would have ended the container.
  if (isEntered && end.signal !== null) return;
  const log = await read(`${run.directory}/${RUN_FILES.log}`) ?? "";
  const failure = isEntered ? enterFailure(log) : runtimeFailure(log, spec.process.args[0] ?? "");
  throw failure ?? new VarveError(
    "E_SYSCALL",
    `Cannot run the container: the runtime ended with ${end.signal ?? `code ${end.code}`}`,
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
