import { VarveError } from "../errors.ts";
import type { DiskStore } from "../store/mod.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";
import {
  firstProcess,
  hasEnded,
  isStopped,
  processesWith,
  signalProcess,
} from "./first_process.ts";
import { untilFrozen } from "./frozen.ts";
import { findRun } from "./run_directory.ts";
import { runtimeCall } from "./runtime/commands.ts";
import { stopAll } from "./stop_all.ts";

/**
 * Number of rounds in which processes are stopped one by one. Each round stops the processes that were started during
 * the round before.
 */
const ROUNDS = 100;

/**
 * Number of attempts to freeze a container. On a busy machine runc gives up after some hundred milliseconds when a
 * container starts processes all the time (its error is "unable to freeze").
 */
const ATTEMPTS = 20;

/** Milliseconds between two attempts. */
const ATTEMPT_PAUSE = 50;

/** Longest part of a runtime's message to show, in characters. */
const MAX_MESSAGE = 500;

/** A paused container; dispose to resume. */
export interface PausedContainer extends AsyncDisposable {
  /** Key of its snapshot. */
  readonly key: string;
}

/**
 * Pauses the container that runs on a snapshot, so that its files do not change.
 *
 * @returns `null` when no container runs there, or when it ends meanwhile
 * @throws {VarveError} `E_PRECONDITION` it is paused already · `E_UNSUPPORTED` the runtime cannot pause it
 */
export async function pauseContainer(
  store: DiskStore,
  key: string,
): Promise<PausedContainer | null> {
  const run = await findRun(store, key);
  if (run === undefined) return null;
  const marker = `${run.directory}/${RUN_FILES.paused}`;
  try {
    // Write the marker first: after a crash, it tells the watchdog to resume.
    await Deno.writeTextFile(marker, "", { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot pause container ${JSON.stringify(key)}: it is paused already`,
      { subject: key },
    );
  }
  const unmark = () =>
    Deno.remove(marker).catch((error) => {
      // The container ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  const resume = async () => {
    if (run.runtime.name === "chroot") await signalAll(run, "resume");
    else await callRuntime(run, "resume");
    await unmark();
  };
  try {
    if (run.runtime.name === "chroot") await signalAll(run, "pause");
    else if (!await freeze(store, run)) {
      await unmark();
      return null;
    }
  } catch (error) {
    await resume().catch(() => {});
    throw error;
  }
  return { key, [Symbol.asyncDispose]: resume };
}

/**
 * Freezes a container by its runtime.
 *
 * @returns false if the container has ended
 * @throws {VarveError} `E_UNSUPPORTED` the runtime cannot freeze it
 */
async function freeze(store: DiskStore, run: ContainerRun): Promise<boolean> {
  let message = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE));
    const { success, stderr } = await callRuntime(run, "pause");
    const first = await firstProcess(run);
    if (success && (first === null || await untilFrozen(first))) return true;
    if (await isOver(store, run, first)) return false;
    message = new TextDecoder().decode(stderr).trim().slice(0, MAX_MESSAGE);
    // The container is frozen only in part. Thaw it: its processes may then come to a point where they can freeze.
    if (success) await callRuntime(run, "resume");
  }
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot pause container ${JSON.stringify(run.key)}: ${message || "its processes do not stop"}`,
    { subject: run.key },
  );
}

/** Whether the container of a run has ended. The run itself may take some more time to end. */
async function isOver(store: DiskStore, run: ContainerRun, first: number | null): Promise<boolean> {
  if (first !== null) return hasEnded(first);
  return (await findRun(store, run.key))?.id !== run.id;
}

function callRuntime(run: ContainerRun, verb: "pause" | "resume"): Promise<Deno.CommandOutput> {
  const { program, args } = runtimeCall(run, [verb, run.id]);
  return new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
}

/** Without a runtime there is no cgroup to freeze: the processes are stopped one by one. */
async function signalAll(run: ContainerRun, verb: "pause" | "resume"): Promise<void> {
  const first = await firstProcess(run);
  if (first === null) return;
  if (verb === "resume") {
    return processesWith(first).forEach((pid) => signalProcess(pid, "SIGCONT"));
  }
  const hasStopped = stopAll({
    list: () => processesWith(first),
    isStopped,
    stop: (pid) => signalProcess(pid, "SIGSTOP"),
  }, ROUNDS);
  if (hasStopped) return;
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot pause container ${
      JSON.stringify(run.key)
    }: it starts new processes faster than they can be stopped`,
    { subject: run.key },
  );
}
