import { VarveError } from "../errors.ts";
import type { DiskStore } from "../store/mod.ts";
import { firstProcess, isStopped, processesWith, signalProcess } from "./first_process.ts";
import { untilFrozen } from "./frozen.ts";
import { findRun, type FoundRun } from "./run_directory.ts";
import { RUN_FILES, runtimeCall } from "./runtime/commands.ts";

/** Rounds of stopping processes one by one; each stops those that the last one's began meanwhile. */
const ROUNDS = 100;

/** A paused container; disposing it lets it go on. */
export interface PausedContainer extends AsyncDisposable {
  /** Key of its snapshot. */
  readonly key: string;
}

/**
 * Pauses the container that runs on a snapshot, so that its files stay as they are.
 *
 * @returns `null` when none runs there
 * @throws {VarveError} `E_PRECONDITION` it is paused already · `E_UNSUPPORTED` the runtime cannot do it
 */
export async function pauseContainer(
  store: DiskStore,
  key: string,
): Promise<PausedContainer | null> {
  const run = await findRun(store, key);
  if (run === undefined || run.state === null) return null;
  const marker = `${run.directory}/${RUN_FILES.paused}`;
  try {
    // First the mark: whoever cleans up after a crash must know.
    await Deno.writeTextFile(marker, "", { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot pause container ${JSON.stringify(key)}: it is paused already`,
      { subject: key },
    );
  }
  const resume = async () => {
    await switchTo(run, "resume");
    await Deno.remove(marker).catch((error) => {
      // It ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  };
  try {
    await switchTo(run, "pause");
  } catch (error) {
    await resume().catch(() => {});
    throw error;
  }
  return { key, [Symbol.asyncDispose]: resume };
}

async function switchTo(run: FoundRun, verb: "pause" | "resume"): Promise<void> {
  const { state, directory } = run;
  if (state === null) return;
  if (state.runtime.name === "chroot") return await switchProcesses(run, verb);
  const { program, args } = runtimeCall(state.runtime, directory, [verb, state.id]);
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (verb === "resume") return;
  const first = success ? await firstProcess(state.runtime, directory) : null;
  if (success && (first === null || await untilFrozen(first))) return;
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot pause container ${JSON.stringify(state.key)}: ${
      new TextDecoder().decode(stderr).trim().slice(0, 500) || "its processes do not stop"
    }`,
    { subject: state.key },
  );
}

async function switchProcesses(
  { state, directory }: FoundRun,
  verb: "pause" | "resume",
): Promise<void> {
  if (state === null) return;
  const first = await firstProcess(state.runtime, directory);
  if (first === null) return;
  for (let round = 0; round < ROUNDS; round++) {
    const all = await processesWith(first);
    if (verb === "resume") return all.forEach((pid) => signalProcess(pid, "SIGCONT"));
    const running: number[] = [];
    for (const pid of all) if (!await isStopped(pid)) running.push(pid);
    if (running.length === 0) return;
    for (const pid of running) signalProcess(pid, "SIGSTOP");
  }
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot pause container ${JSON.stringify(state.key)}: it begins processes without end`,
    { subject: state.key },
  );
}
