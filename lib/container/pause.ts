import { VarveError } from "../errors.ts";
import type { DiskStore } from "../store/mod.ts";
import type { ContainerRun } from "./container_run.ts";
import {
  firstProcess,
  hasEnded,
  isStopped,
  processesWith,
  signalProcess,
} from "./first_process.ts";
import { untilFrozen } from "./frozen.ts";
import { leftMarker, makeMarker, type PauseMarker } from "./pause_marker.ts";
import { findRun } from "./run_directory.ts";
import { runtimeCall } from "./runtime/commands.ts";
import { type ProcessSet, stopAll } from "./stop_all.ts";

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

/**
 * Longest wait, in milliseconds, until processes that are stopped one by one have stopped. A write of much data to a slow
 * disk goes on to its end.
 */
const STOP_LIMIT = 10_000;

/** Longest part of a runtime's message to show, in characters. */
const MAX_MESSAGE = 500;

/** A paused container; dispose to resume. */
export interface PausedContainer extends AsyncDisposable {
  /** Key of its snapshot. */
  readonly key: string;
}

/**
 * Pauses the container that runs on a snapshot, so that its files do not change. If an earlier process was killed while
 * it had paused the container, it is resumed first.
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
  using stack = new DisposableStack();
  // Mark it first: after a crash, the marker tells others to resume it.
  const marker = makeMarker(run);
  if (marker === null) return null;
  if (marker === undefined) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot pause container ${JSON.stringify(key)}: it is paused already`,
      { subject: key },
    );
  }
  stack.use(marker);
  if (marker.wasLeft) await thaw(run);
  try {
    if (run.runtime.name === "chroot") await signalAll(run, "pause");
    else if (!await freeze(store, run)) {
      marker.remove();
      return null;
    }
  } catch (error) {
    await thaw(run).catch(() => {});
    marker.remove();
    throw error;
  }
  const owned = stack.move();
  return {
    key,
    async [Symbol.asyncDispose]() {
      using _ = owned;
      if (!owned.disposed) await resume(store, run, marker);
    },
  };
}

/** @throws {VarveError} `E_UNSUPPORTED` the runtime cannot resume it */
async function resume(store: DiskStore, run: ContainerRun, marker: PauseMarker): Promise<void> {
  const { success, message } = await thaw(run);
  // The marker of a container that stays paused is left to the next who looks.
  if (!success && !await isOver(store, run, await firstProcess(run))) {
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot resume container ${JSON.stringify(run.key)}: ${message}`,
      { subject: run.key },
    );
  }
  marker.remove();
}

/** Resumes a container if a process was killed that had paused it. */
export async function resumeLeft(run: ContainerRun): Promise<void> {
  using marker = leftMarker(run);
  if (marker === undefined) return;
  try {
    await thaw(run);
  } catch (error) {
    // Its runtime is not there any more. The others are repaired nevertheless.
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  marker.remove();
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
    const called = await callRuntime(run, "pause");
    const first = await firstProcess(run);
    if (called.success && (first === null || await untilFrozen(first))) return true;
    if (await isOver(store, run, first)) return false;
    message = called.message;
    // The container is frozen only in part. Thaw it: its processes may then come to a point where they can freeze.
    if (called.success) await callRuntime(run, "resume");
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

/** What came of the call of a runtime. */
interface Called {
  readonly success: boolean;
  /** What the runtime said. */
  readonly message: string;
}

async function thaw(run: ContainerRun): Promise<Called> {
  if (run.runtime.name !== "chroot") return await callRuntime(run, "resume");
  await signalAll(run, "resume");
  return { success: true, message: "" };
}

async function callRuntime(run: ContainerRun, verb: "pause" | "resume"): Promise<Called> {
  const { program, args } = runtimeCall(run, [verb, run.id]);
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return { success, message: new TextDecoder().decode(stderr).trim().slice(0, MAX_MESSAGE) };
}

/** Without a runtime there is no cgroup to freeze: the processes are stopped one by one. */
async function signalAll(run: ContainerRun, verb: "pause" | "resume"): Promise<void> {
  const first = await firstProcess(run);
  if (first === null) return;
  if (verb === "resume") {
    return processesWith(first).forEach((pid) => signalProcess(pid, "SIGCONT"));
  }
  const processes: ProcessSet = {
    list: () => processesWith(first),
    isStopped,
    stop: (pid) => signalProcess(pid, "SIGSTOP"),
  };
  for (const end = performance.now() + STOP_LIMIT; !stopAll(processes, ROUNDS);) {
    if (performance.now() > end) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot pause container ${JSON.stringify(run.key)}: its processes do not stop`,
        { subject: run.key },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE));
  }
}
