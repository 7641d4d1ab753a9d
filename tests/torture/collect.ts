/** Collects garbage before each call of a command, with the clock a day on and a day back, too: promise 5. */
import type { Scenario } from "../support/faults/scenario.ts";
import { LOADED, scenarioOf, SMALL } from "../support/faults/scenarios.ts";
import { differences } from "../support/faults/store_facts.ts";
import type { Stage, Undisturbed } from "../support/faults/stage.ts";

const SCRIPT = new URL("../support/faults/collect_now.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** A store whose garbage is the image that is loaded or pulled: what the command finds there is what gc removes. */
const GARBAGE = [...LOADED, ["rmi", "--no-gc", SMALL]];

/** The commands between whose calls a collection could remove what they need. */
export const COLLECTED: readonly Scenario[] = [
  { ...scenarioOf("load"), name: "load of garbage", base: GARBAGE },
  { ...scenarioOf("pull"), name: "pull of garbage", base: GARBAGE },
  ...["import", "append", "save -o", "mount", "mount --rw", "umount --rw", "commit"].map(
    scenarioOf,
  ),
  ...["snapshot commit", "snapshot prepare", "run", "run --rm"].map(scenarioOf),
];

/** While a command writes to the database, others wait for it: a collection then says that the store is busy. */
const DATABASE = /\/meta\.db(-wal|-shm|-journal)?$/;

/** The calls before which a collection can come. */
export function collectPoints({ calls }: Undisturbed): number[] {
  return calls.filter(({ paths }) => !paths.some((path) => DATABASE.test(path)))
    .map(({ number }) => number);
}

/** Plays the command, and then a collection of garbage. */
export async function undisturbedByGc(stage: Stage): Promise<Undisturbed> {
  await stage.reset();
  const { code, calls, stderr } = await stage.run();
  if (code !== 0) throw new Error(`Cannot play ${stage.scenario.name}: exit ${code}: ${stderr}`);
  return { calls, facts: await factsAfterGc(stage) };
}

/**
 * Stops the command before one call, collects garbage, and lets it go on. It has to succeed, and what is there in the
 * end is the same as without the collection. Gives what is wrong.
 */
export async function collectAt(
  stage: Stage,
  undisturbed: Undisturbed,
  at: number,
): Promise<string[]> {
  await stage.reset();
  const { root } = stage.scene;
  // Beside the scene: what is in it counts.
  const log = `${stage.scene.path}.log`;
  const script = ["run", "-A", "--no-check", "--no-lock", "--config", CONFIG, SCRIPT, root, log];
  const command = [Deno.execPath(), ...script].map((word) => `'${word}'`).join(" ");
  const { code, stderr, calls } = await stage.run({ kind: "hook", at, command });
  const call = calls[at - 1];
  if (call === undefined) return [];
  const where = `before ${call.name} ${call.paths.map((path) => stage.short(path)).join(" ")}`;
  const found = await linesOf(log);
  if (code !== 0) found.push(`exit ${code}: ${stderr.trim()}`);
  else found.push(...await judge(stage, undisturbed));
  return found.map((line) => `${where}: ${line}`);
}

async function judge(stage: Stage, { facts }: Undisturbed): Promise<string[]> {
  try {
    await stage.heal();
  } catch (error) {
    return [`damage: ${error instanceof Error ? error.message : error}`];
  }
  return differences(facts, await factsAfterGc(stage));
}

async function factsAfterGc(stage: Stage): Promise<string[]> {
  const { code, stderr } = await stage.scene.command(["gc"]);
  if (code !== 0) throw new Error(`Cannot collect garbage: exit ${code}: ${stderr}`);
  return await stage.facts();
}

async function linesOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  await Deno.remove(path).catch(() => {});
  return text.split("\n").filter((line) => line !== "");
}
