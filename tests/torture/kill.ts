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

/**
 * Which calls of a command can be tried on a copy of the scene: a copy has no mounts, so not those between the first
 * call that mounts something and the last one, nor those after it where a mount stays.
 */
function copyable({ scenario }: Stage, { calls, facts }: Undisturbed): (at: number) => boolean {
  if ((scenario.before ?? []).length > 0) return () => false;
  const mounts = calls.filter(({ name }) => name.endsWith("mount")).map(({ number }) => number);
  const stays = facts.some((fact) => fact.startsWith("mount "));
  const [first = Infinity, last = 0] = [mounts[0], stays ? Infinity : mounts.at(-1)];
  // Threads may do a call more or less than in the undisturbed run.
  const slack = 5;
  return (at) => at < first - slack || at > last + slack;
}

/**
 * Does the same as {@linkcode killAt} for many calls, in less than half of the time: on copies of the scene that were
 * made before each call of one run, as far as they are all that a kill leaves.
 */
export async function* killAll(
  stage: Stage,
  undisturbed: Undisturbed,
  points: readonly number[],
): AsyncGenerator<{ readonly at: number; readonly what: readonly string[] }> {
  const canCopy = copyable(stage, undisturbed);
  if (points.some(canCopy)) await stage.copyStates();
  for (const at of points) {
    if (!canCopy(at)) {
      yield { at, what: await killAt(stage, undisturbed, at) ?? [] };
      continue;
    }
    if (!await stage.takeState(at)) continue;
    const call = undisturbed.calls[at - 1];
    const paths = call?.paths.map((path) => stage.short(path)).join(" ");
    const found = await afterwards(stage, undisturbed);
    yield {
      at,
      what: found.map((line) => `before call ${at}, near ${call?.name} ${paths}: ${line}`),
    };
  }
}

/**
 * Heals the store, repeats the command, and compares what is there then.
 *
 * @param others what else may be there
 */
export async function afterwards(
  stage: Stage,
  undisturbed: Undisturbed,
  others: readonly Undisturbed[] = [],
): Promise<string[]> {
  try {
    await stage.heal();
  } catch (error) {
    return [`the next start does not heal: ${text(error)}`];
  }
  const { code, stderr } = await stage.again();
  const isDone = code !== 0 && code === stage.scenario.done;
  if (code !== 0 && !isDone) return [`again: exit ${code}: ${stderr.trim()}`];
  const facts = await stage.facts();
  if (others.some((other) => differences(other.facts, facts).length === 0)) return [];
  const lines = differences(undisturbed.facts, facts);
  return lines.length === 0 && isDone || code === 0 ? lines : [`again: exit ${code}`, ...lines];
}

function text(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // deno-lint-ignore no-control-regex
  return message.replace(/\x1b\[[0-9;]*m/g, "");
}
