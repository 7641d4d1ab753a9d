/**
 * A collection of garbage between the calls of a command, with the clock as it is, a day on, and a day back.
 * `deno task torture --mode collect` tries every call.
 */
import { assert, assertEquals } from "@std/assert";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor, needsSupervisor } from "../support/faults/supervisor.ts";
import { collectAt, COLLECTED, collectPoints, undisturbedByGc } from "../torture/collect.ts";

/** The commands that are tried here, and before how many of their calls. */
const TRIED: Readonly<Record<string, number>> = {
  "load of garbage": 5,
  "pull of garbage": 4,
  "mount": 4,
  "mount --rw": 3,
  "commit": 3,
  "run": 3,
};

for (const scenario of COLLECTED.filter(({ name }) => name in TRIED)) {
  const { name, mounts = false, tools = [] } = scenario;
  Deno.test({
    name:
      `J14, J23, P5: a collection between the calls of ${name}, at any time of the clock, takes nothing that it needs`,
    ...needsSupervisor({ root: mounts, mount: mounts, tools }),
    fn: async () => {
      await using supervisor = await buildSupervisor();
      await using stage = await Stage.open(scenario, supervisor);
      const undisturbed = await undisturbedByGc(stage);
      const points = collectPoints(undisturbed);
      // The first calls open the store. The last calls are between the commit and the end.
      const step = points.length / (TRIED[name]! + 1);
      for (let turn = 1; turn <= TRIED[name]!; turn++) {
        const at = points[Math.floor(turn * step + step / 2)];
        assert(at !== undefined);
        assertEquals(await collectAt(stage, undisturbed, at), [], `before call ${at}`);
      }
    },
  });
}
