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
import { errnoFault, failAt } from "../torture/errno.ts";
import { findingText, pointsOf } from "../torture/finding.ts";
import { killAt } from "../torture/kill.ts";

/** The least number of calls that a command has: fewer, and the supervisor has not seen them. */
const LEAST = 40;

/** Where the rounds of these tests begin. */
const SEED = 1;

/** A test of one command on a stage of its own. */
function stageTest(name: string, verb: string, fn: (stage: Stage) => Promise<string[]>): void {
  const scenario = scenarioOf(verb);
  const { mounts = false, tools = [] } = scenario;
  Deno.test({
    name,
    ...needsSupervisor({ root: mounts, mount: mounts, tools }),
    fn: async () => {
      await using supervisor: Supervisor = await buildSupervisor();
      await using stage = await Stage.open(scenario, supervisor);
      assertEquals(await fn(stage), []);
    },
  });
}

/** So many of the calls, evenly. */
function some(calls: readonly Call[], tries: number): Call[] {
  assert(calls.length >= LEAST, `only ${calls.length} calls were seen`);
  const every = Math.ceil(pointsOf(calls, { every: 1, seed: 0 }).length / tries);
  return pointsOf(calls, { every, seed: SEED }).map((number) => calls[number - 1] as Call);
}

for (const [verb, tries] of [["load", 12], ["commit", 8], ["rmi", 6], ["run", 8]] as const) {
  const name = `J01, P1, P2: ${verb}, killed before a call, leaves all or nothing, and works again`;
  stageTest(name, verb, async (stage) => {
    const undisturbed = await stage.undisturbed();
    const found: string[] = [];
    for (const { number: at } of some(undisturbed.calls, tries)) {
      const what = await killAt(stage, undisturbed, at) ?? ["the call was not reached"];
      const finding = { scenario: verb, fault: { kind: "kill", at }, seed: SEED, what } as const;
      if (what.length > 0) found.push(findingText(finding));
    }
    return found;
  });
}

stageTest(
  "J01: run, killed while it makes mount points, works again as before",
  "run",
  async (stage) => {
    const undisturbed = await stage.undisturbed();
    const making = undisturbed.calls.find(({ paths }) =>
      paths.some((path) => path.endsWith("/init/etc/hostname"))
    );
    assert(making !== undefined, "no mount point is made");
    return await killAt(stage, undisturbed, making.number) ?? ["the call was not reached"];
  },
);

for (const [verb, tries] of [["load", 10], ["commit", 6], ["rmi", 4]] as const) {
  const name = `J02, P6: ${verb}, a call of which fails, succeeds or says so in one line`;
  stageTest(name, verb, async (stage) => {
    const undisturbed = await stage.undisturbed(true);
    const found: string[] = [];
    for (const call of some(undisturbed.calls, tries)) {
      const fault = errnoFault(call, SEED);
      const what = await failAt(stage, undisturbed, fault);
      if (what.length > 0) found.push(findingText({ scenario: verb, fault, seed: SEED, what }));
    }
    return found;
  });
}
