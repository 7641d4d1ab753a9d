/**
 * Commands whose process tree is killed before every k-th call, or whose k-th call fails. `deno task torture` tries
 * each call, each error and more commands.
 */
import { assert, assertEquals } from "@std/assert";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import {
  buildSupervisor,
  type Call,
  needsSupervisor,
  type Supervisor,
} from "../support/faults/supervisor.ts";
import { errnoFault, failAt, otherDrivers } from "../torture/errno.ts";
import { findingText, pointsOf } from "../torture/finding.ts";
import { killAt } from "../torture/kill.ts";

/** The least number of calls that a command has: fewer, and the supervisor has not seen them. */
const LEAST = 40;

/** Where the rounds of these tests begin. */
const SEED = 1;

/** What a test of each command tries: so many kills, and so many calls that fail. */
const VERBS: readonly (readonly [verb: string, kills: number, faults: number])[] = [
  ["load", 12, 10],
  ["pull", 4, 4],
  ["import", 3, 2],
  ["commit", 8, 6],
  ["unpack", 3, 3],
  ["cp into mounted", 2, 2],
  ["save --oci-dir again", 3, 2],
  ["mount", 4, 3],
  ["umount", 3, 3],
  ["run --rm", 4, 2],
  ["snapshot rm", 3, 2],
  ["rmi", 6, 4],
  ["gc", 4, 3],
  ["gc --drop-compressed", 6, 2],
  ["prune all", 3, 2],
  ["fsck --repair tar", 4, 2],
  ["fsck --rebuild", 4, 3],
  ["migration", 4, 3],
  ["backup", 4, 3],
];

/** All tests of this file share it. */
let made: Promise<Supervisor> | undefined;

Deno.test.afterAll(async () => {
  await (await made)?.[Symbol.asyncDispose]();
});

/** So many of the calls, evenly. */
function some(calls: readonly Call[], tries: number): Call[] {
  assert(calls.length >= LEAST, `only ${calls.length} calls were seen`);
  const every = Math.ceil(pointsOf(calls, { every: 1, seed: 0 }).length / tries);
  return pointsOf(calls, { every, seed: SEED }).map((number) => calls[number - 1] as Call);
}

async function killSome(stage: Stage, tries: number): Promise<string[]> {
  const undisturbed = await stage.undisturbed();
  const found: string[] = [];
  for (const { number: at } of some(undisturbed.calls, tries)) {
    const what = await killAt(stage, undisturbed, at) ?? ["the call was not reached"];
    if (what.length === 0) continue;
    const scenario = stage.scenario.name;
    found.push(findingText({ scenario, fault: { kind: "kill", at }, seed: SEED, what }));
  }
  return found;
}

async function failSome(stage: Stage, tries: number): Promise<string[]> {
  const undisturbed = await stage.undisturbed(true);
  const others = await otherDrivers(stage);
  const found: string[] = [];
  for (const call of some(undisturbed.calls, tries)) {
    const fault = errnoFault(call, SEED);
    const what = await failAt(stage, undisturbed, fault, others);
    const scenario = stage.scenario.name;
    if (what.length > 0) found.push(findingText({ scenario, fault, seed: SEED, what }));
  }
  return found;
}

for (const [verb, kills, faults] of VERBS) {
  const scenario = scenarioOf(verb);
  const { mounts = false, tools = [] } = scenario;
  const needed = needsSupervisor({ root: mounts, mount: mounts, tools });
  const test = (name: string, fn: (stage: Stage) => Promise<string[]>) =>
    Deno.test({
      name,
      ...needed,
      fn: async () => {
        const supervisor = await (made ??= buildSupervisor());
        await using stage = await Stage.open(scenario, supervisor);
        assertEquals(await fn(stage), []);
      },
    });
  test(
    `J01, P1, P2: ${verb}, killed before a call, leaves all or nothing, and works again`,
    (stage) => killSome(stage, kills),
  );
  test(
    `J02, P6: ${verb}, a call of which fails, succeeds or says so in one line`,
    (stage) => failSome(stage, faults),
  );
}
