/**
 * Commands that are killed before every k-th call of their process tree. `deno task torture` tries each call, and more
 * commands.
 */
import { assertEquals } from "@std/assert";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor, needsSupervisor } from "../support/faults/supervisor.ts";
import { findingText, pointsOf } from "../torture/finding.ts";
import { killAt } from "../torture/kill.ts";

/** Commands, how many of their calls are tried, and the least number of calls that they have. */
const TRIED: readonly (readonly [verb: string, tries: number, calls: number])[] = [
  ["load", 16, 150],
  ["commit", 12, 100],
  ["rmi", 8, 40],
];

for (const [verb, tries, least] of TRIED) {
  const { mounts = false, tools = [] } = scenarioOf(verb);
  Deno.test({
    name: `J01, P1, P2: ${verb}, killed before a call, leaves all or nothing, and works again`,
    ...needsSupervisor({ root: mounts, mount: mounts, tools }),
    fn: async () => {
      await using supervisor = await buildSupervisor();
      await using stage = await Stage.open(scenarioOf(verb), supervisor);
      const undisturbed = await stage.undisturbed();
      const { calls } = undisturbed;
      assertEquals(calls.length >= least, true, `only ${calls.length} calls were seen`);
      const every = Math.ceil(pointsOf(calls, { every: 1, seed: 0 }).length / tries);
      const found: string[] = [];
      for (const at of pointsOf(calls, { every, seed: 1 })) {
        const what = await killAt(stage, undisturbed, at) ?? ["the call was not reached"];
        if (what.length === 0) continue;
        found.push(findingText({ scenario: verb, fault: { kind: "kill", at }, what }));
      }
      assertEquals(found, []);
    },
  });
}
