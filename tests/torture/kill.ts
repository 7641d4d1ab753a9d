/** Kills a command before each of its calls: promises 1 and 2. */
import { differences } from "../support/faults/store_facts.ts";
import type { Stage, Undisturbed } from "../support/faults/stage.ts";
import type { Fault } from "../support/faults/supervisor.ts";

/** Kills the command before one call, heals, repeats it. Gives what is wrong then; `undefined` past the last call. */
export async function killAt(
  stage: Stage,
  undisturbed: Undisturbed,
  at: number,
): Promise<string[] | undefined> {
  const fault: Fault = { kind: "kill", at };
  await stage.reset();
  const killed = await stage.run(fault);
  if (killed.code !== 137) {
    // Threads may do a call less than in the undisturbed run.
    return killed.code === 0 ? undefined : [`exit ${killed.code} without a kill: ${killed.stderr}`];
  }
  const last = killed.calls.at(-1);
  const where = `before ${last?.name} ${last?.paths.map((path) => stage.short(path)).join(" ")}`;
  return (await afterwards(stage, undisturbed)).map((line) => `${where}: ${line}`);
}

/** Whether a copy of the scene before a call is all that a kill leaves: mounts cannot be copied. */
export function canCopy({ scenario }: Stage, { calls }: Undisturbed): boolean {
  return (scenario.before ?? []).length === 0 && scenario.command[0] !== "run" &&
    !calls.some(({ name }) => name.endsWith("mount"));
}

/**
 * Does the same as {@linkcode killAt} for many calls, in less than half of the time: on copies of the scene that were
 * made before each call of one run.
 */
export async function* killCopies(
  stage: Stage,
  undisturbed: Undisturbed,
  points: readonly number[],
): AsyncGenerator<{ readonly at: number; readonly what: readonly string[] }> {
  await stage.copyStates();
  for (const at of points) {
    if (!await stage.takeState(at)) continue;
    const call = undisturbed.calls[at - 1];
    const where = `before call ${at}, near ${call?.name} ${
      call?.paths.map((path) => stage.short(path)).join(" ")
    }`;
    const found = await afterwards(stage, undisturbed);
    yield { at, what: found.map((line) => `${where}: ${line}`) };
  }
}

/** Heals the store, repeats the command, and compares what is there then. */
export async function afterwards(stage: Stage, undisturbed: Undisturbed): Promise<string[]> {
  try {
    await stage.heal();
  } catch (error) {
    return [`the next start does not heal: ${text(error)}`];
  }
  const { code, stderr } = await stage.again();
  const isDone = code !== 0 && code === stage.scenario.done;
  if (code !== 0 && !isDone) return [`again: exit ${code}: ${stderr.trim()}`];
  const lines = differences(undisturbed.facts, await stage.facts());
  return lines.length === 0 && isDone || code === 0 ? lines : [`again: exit ${code}`, ...lines];
}

function text(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // deno-lint-ignore no-control-regex
  return message.replace(/\x1b\[[0-9;]*m/g, "");
}
