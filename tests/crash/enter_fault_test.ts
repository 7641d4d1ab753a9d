/** A container without a runtime whose first process cannot say that it begins. */
import { assert, assertEquals } from "@std/assert";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor, needsSupervisor } from "../support/faults/supervisor.ts";
import { failAt } from "../torture/errno.ts";

Deno.test({
  name: "J02: a container whose file of the first process cannot be written did not run",
  ...needsSupervisor({ root: true, mount: true }),
  async fn() {
    await using supervisor = await buildSupervisor();
    await using stage = await Stage.open(scenarioOf("run --rm"), supervisor);
    const undisturbed = await stage.undisturbed(true);
    const writes = undisturbed.calls.filter(({ name, paths }) =>
      name === "write" && paths.some((path) => /\/run-[^/]*\/pid$/.test(path))
    );
    assert(writes.length > 0, "the container has no runtime, so it writes its pid itself");
    for (const { number: at } of writes) {
      const fault = { kind: "errno", errno: "ENOSPC", at, times: 1 } as const;
      assertEquals(await failAt(stage, undisturbed, fault), []);
    }
  },
});
