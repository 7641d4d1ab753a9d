/** The order of syncs, renames and commits in every command that writes. */
import { assertEquals } from "@std/assert";
import { SCENARIOS } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor, needsSupervisor } from "../support/faults/supervisor.ts";
import { orderOf } from "../torture/order_of.ts";

for (const scenario of SCENARIOS) {
  const { name, mounts = false, tools = [] } = scenario;
  Deno.test({
    name: `J08, P3: ${name} syncs data before names, and names before rows`,
    ...needsSupervisor({ root: mounts, mount: mounts, tools }),
    fn: async () => {
      await using supervisor = await buildSupervisor();
      await using stage = await Stage.open(scenario, supervisor);
      assertEquals(await orderOf(stage), []);
    },
  });
}
